//! The exit statuses, and what stands below the options in the help.

/// The report is written, and every input was read completely.
pub const OK: u8 = 0;
/// The report is written, but some input could not be read, or not completely. Or it is not, as nothing is selected.
pub const INCOMPLETE: u8 = 1;
/// The report is not written.
pub const FAILED: u8 = 2;
/// Runs were compared, and a rule about their differences is broken.
pub const BROKEN: u8 = 3;
/// The report is not written, because of Ctrl+C.
pub const INTERRUPTED: u8 = 130;

/// The text below the options.
pub const EXIT_STATUS: &str = "\
Exit status:
  0    the report is written, and every input was read completely
  1    the report is written, but some input could not be read completely;
       stderr shows its name, the reason and the offset. With --strict also:
       the report is written, but it is not complete. Or the options that
       select a part select nothing: no report is written, and none replaced
  2    a report is not written: wrong usage, no readable input, or the output
       cannot be written
  130  the report is not written: the merge was interrupted
With --top, --last_words, --info and --dump, the statuses describe the output
in the same way. `--help` behind the name of a command lists those of the command.

Examples:
  viztracer-merge ./temp_dir/*.bin -o result.json
  viztracer-merge ./temp_dir -o result.json.gz -o result.json
  viztracer-merge ./temp_dir -o result.pftrace --last 5s
  viztracer-merge ./temp_dir -o - --quiet | jq .viztracer_metadata
  find . -name '*.bin' -mtime -1 -print0 | viztracer-merge -
  viztracer-merge --last_words ./temp_dir | less
  viztracer-merge --top 20 --sort calls ./temp_dir
  viztracer-merge --info --json ./temp_dir
  viztracer-merge calls --func '^handle' --slowest 20 ./temp_dir
  viztracer-merge compare base/ head/ --fail_on 'calls>+5%'

After a crash:
  The ring files are kept. With --pid_suffix they are in the directory that
  --output_dir named, otherwise in one like /dev/shm/viztracer_<pid>_<random>.
  `viztracer-ctl list` lists such runs in /dev/shm. viztracer-merge without an
  input names the newest directory, there or in the current directory.";
