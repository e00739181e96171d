//! What the exit statuses mean.

/// The report is there and every input was read.
pub const OK: u8 = 0;
/// The report is there, but of some input not all could be read.
pub const INCOMPLETE: u8 = 1;
/// There is no report.
pub const FAILED: u8 = 2;
/// There is no report, because of Ctrl+C.
pub const INTERRUPTED: u8 = 130;

/// What stands below the options.
pub const EXIT_STATUS: &str = "\
Exit status:
  0    the report is written and every input was read
  1    the report is written, but some input could not be read, or not all of
       it; each is named on stderr with offset and reason. With --strict also
       if anything that happened is missing in the report
  2    no report, or not all of them: wrong usage, no readable input, or an
       output cannot be written
  130  no report: interrupted
With --top, --last_words, --info and --dump the same holds for what they print.

Examples:
  viztracer-merge ./temp_dir/*.bin -o result.json
  viztracer-merge ./temp_dir -o result.json.gz -o result.json
  viztracer-merge ./temp_dir -o result.pftrace --last 5s
  viztracer-merge ./temp_dir -o - --quiet | jq .viztracer_metadata
  find . -name '*.bin' -mtime -1 -print0 | viztracer-merge -
  viztracer-merge --last_words ./temp_dir | less
  viztracer-merge --top 20 --sort calls ./temp_dir
  viztracer-merge --info --json ./temp_dir

After a crash:
  What the processes left is in the directory that was given by --output_dir,
  or else in one like /dev/shm/viztracer_<pid>_<random>. viztracer-merge, also
  without any input, names those that no process writes any more, in /dev/shm,
  here and beside the report.";
