# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_viztracer_merge_global_optspecs
    string join \n o/output= format= no_source source_root= strip_prefix= show_losses strict last_words top= sort= tasks busy markdown info json dump q/quiet threads= generate= align= barrier= offset= since= until= last= as_of= pid= process_name= tid= func= min_duration= max_depth= drop_c_functions h/help V/version
end

function __fish_viztracer_merge_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_viztracer_merge_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_viztracer_merge_using_subcommand
    set -l cmd (__fish_viztracer_merge_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -s o -l output -d 'Write the report to this file. The file name extension selects the format: .json, .pftrace or .speedscope.json, each also with .gz; .html, .csv, .parquet or .folded. A name such as calls.parquet/ is that of a new directory, which gets a file for each process. Use - for standard output. Can be given more than once [default: result.json]' -r -F
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l format -d 'The format of outputs whose names do not select one, such as standard output' -r -f -a "json\t'Chrome trace in JSON'
json.gz\t'The same, compressed with gzip'
pftrace\t'Perfetto trace in protobuf'
pftrace.gz\t'The same, compressed with gzip'
speedscope\t'Profile for speedscope.app'
speedscope.gz\t'The same, compressed with gzip'
html\t'Page that shows the trace in any browser, offline'
csv\t'Table of the functions of every process'
parquet\t'Table of all calls, for DuckDB, Polars, pandas and others'
folded\t'Collapsed stacks for flame graphs'"
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l source_root -d 'Look in this directory for source files that no ring file of yours identifies: those of traces in JSON, of another machine or of a container. The file for /app/a.py is DIR/app/a.py, or DIR/a.py with --strip_prefix /app' -r -F
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l strip_prefix -d 'Remove this directory from the beginning of source paths, also in the names of functions. Can be given more than once' -r -F
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l top -d 'Print the N functions that took the most time, of all processes and of each one: calls, time with and without called functions, mean, median, 99th percentile. A report is written only if -o is given' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l sort -d 'With --top: sort the functions by this column, largest first' -r -f -a "self\t'Time without called functions'
total\t'Time with called functions, recursion counted once'
calls\t'Number of calls'
mean\t'Mean time of a call'
p50\t'Median time of a call'
p99\t'99th percentile of the time of a call'
max\t'Time of the longest call'"
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l threads -d 'Use N worker threads: up to 64, or one per processor if there are more [default: one per processor, up to 16]' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l generate -d 'Print the manual page, or the completion script for a shell' -r -f -a "man\t'The manual page'
bash\t'Completion for bash'
zsh\t'Completion for zsh'
fish\t'Completion for fish'"
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l align -d 'How to align several runs on the time line. With `monotonic`, times are those of the machine\'s monotonic clock, as in VizTracer\'s reports; otherwise they begin at 0. With `start`, a run that has called set_sync_marker() is aligned at the time of this call' -r -f -a "clock\t'By their clocks'
start\t'As if all runs had begun at the same time; processes of one run stay aligned by their clocks'
monotonic\t'By their clocks; time 0 is that of the first file\'s monotonic clock, as in the reports of VizTracer'"
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l barrier -d 'Place machines by the calls of these functions instead of by their wall clocks. All processes must call them, and none may leave a call before all have entered it, as in torch.distributed.barrier. The summary says how exact the times are then' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l offset -d 'Shift a file, or all files in a directory, on the time line: in nanoseconds (run_2=-1500) or with a unit (run_2=+20ms). Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l since -d 'Only from this time on: a time since the begin of the trace (5s, 300ms), or a date in UTC (2026-11-22T11:23:20)' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l until -d 'Only before this time, given in the same way' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l last -d 'Only the last part of the trace, of this length (5s, 300ms, ...). With --until: the part that ends at that time' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l as_of -d 'Show processes that still run as of one instant: `now`, or a time of the monotonic clock in ns. What they record later is left out, and calls that were open then are unfinished. The report has all that the rings hold, also more than --tracer_entries; --last counts back from the instant' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l pid -d 'Only the process with this id. Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l process_name -d 'Only processes with this name. Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l tid -d 'Only the thread with this id of the operating system. Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l func -d 'Only calls of functions whose names match, and all calls inside these calls' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l min_duration -d 'Only calls that took at least this long: 100us, 2ms, ...' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l max_depth -d 'Only calls that are nested in fewer than N other calls' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l no_source -d 'Leave the text of source files out of the report'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l show_losses -d 'In JSON, show overwritten and lost events as events of the category LOSS on the tracks of their threads, for https://ui.perfetto.dev and chrome://tracing. Scripts that count events count these, too. The other formats show losses in any case'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l strict -d 'Exit with status 1 if the report is not complete, and list what is missing: events that were overwritten or lost, damaged parts, functions without a name, returns that matched no call, and calls that are unfinished because their process crashed or was killed. A worker that got SIGTERM or the like was ended by its program, as pools do'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l last_words -d 'Print the last calls of each process that crashed, was killed or still runs: for every thread the open calls and the last 20 calls that ended. A report is written only if -o is given'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l tasks -d 'With --top: print the coroutines of asyncio and trio tasks (--log_async) instead: calls and resumes, latency from the first resume to the end (median, 99th percentile, longest), and how much of it was awaiting and running. They are sorted by both together, or with --sort self by running'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l busy -d 'With --top: leave out calls that wait, for a lock, a queue, data or a time, and their time in the calls around them. docs/waiting.md lists the functions that wait. Mean, median and 99th percentile are of whole calls'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l markdown -d 'With --top: print Markdown, for the summary of a CI run'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l info -d 'Print one row per file: process, start, duration, events, losses'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l json -d 'With --top, --last_words or --info: print JSON, for use in programs'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l dump -d 'Print every record of ring files as a line, with the header, anchors, names and stacks that format/FORMAT.md describes'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -s q -l quiet -d 'Print errors and warnings only: no progress, no summary, no list of what killed runs have left'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -l drop_c_functions -d 'Leave out calls of C functions'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -s V -l version -d 'Print version'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -a "calls" -d 'Print the slowest calls: when each began, how long it took, where, and with which arguments'
complete -c viztracer-merge -n "__fish_viztracer_merge_needs_command" -a "compare" -d 'Compare runs: functions by change of calls, self and total time'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l slowest -d 'Show the N slowest calls' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l by -d 'The time that makes a call slow' -r -f -a "duration\t'Time with called functions'
self\t'Time without called functions'"
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l strip_prefix -d 'Remove this directory from the beginning of source paths, also in the names of functions. Can be given more than once' -r -F
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l threads -d 'Use N worker threads: up to 64, or one per processor if there are more [default: one per processor, up to 16]' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l align -d 'How to align several runs on the time line. With `monotonic`, times are those of the machine\'s monotonic clock, as in VizTracer\'s reports; otherwise they begin at 0. With `start`, a run that has called set_sync_marker() is aligned at the time of this call' -r -f -a "clock\t'By their clocks'
start\t'As if all runs had begun at the same time; processes of one run stay aligned by their clocks'
monotonic\t'By their clocks; time 0 is that of the first file\'s monotonic clock, as in the reports of VizTracer'"
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l barrier -d 'Place machines by the calls of these functions instead of by their wall clocks. All processes must call them, and none may leave a call before all have entered it, as in torch.distributed.barrier. The summary says how exact the times are then' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l offset -d 'Shift a file, or all files in a directory, on the time line: in nanoseconds (run_2=-1500) or with a unit (run_2=+20ms). Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l since -d 'Only from this time on: a time since the begin of the trace (5s, 300ms), or a date in UTC (2026-11-22T11:23:20)' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l until -d 'Only before this time, given in the same way' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l last -d 'Only the last part of the trace, of this length (5s, 300ms, ...). With --until: the part that ends at that time' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l as_of -d 'Show processes that still run as of one instant: `now`, or a time of the monotonic clock in ns. What they record later is left out, and calls that were open then are unfinished. The report has all that the rings hold, also more than --tracer_entries; --last counts back from the instant' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l pid -d 'Only the process with this id. Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l process_name -d 'Only processes with this name. Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l tid -d 'Only the thread with this id of the operating system. Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l min_duration -d 'Only calls that took at least this long: 100us, 2ms, ...' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l max_depth -d 'Only calls that are nested in fewer than N other calls' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l func -d 'Only calls of functions whose names match' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l markdown -d 'Print Markdown, for the summary of a CI run'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l json -d 'Print JSON, for use in programs'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l strict -d 'Exit with status 1 if calls are missing, and list what is missing; or if no call is selected'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -s q -l quiet -d 'Show no progress'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -l drop_c_functions -d 'Leave out calls of C functions'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand calls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l base -d 'More of BASE. Can be given more than once' -r -F
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l head -d 'More of HEAD. Can be given more than once' -r -F
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l fail_on -d 'Exit with status 3 if a function, or the whole program, changes more than this: \'calls>+5%\', \'calls>+100\', \'self>+20%\', \'total>+50ms\', or \'calls<-5%\' for less. With \'calls>+5% of func REGEX\': only functions whose names match; with \'of program\': only the whole program. Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l top -d 'Show the N functions that changed most [default: 20, and all with --json]' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -s o -l output -d 'Also write a page (.html) that shows the runs of both sides on one time line, and a flame graph of the difference' -r -F
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l sort -d 'Sort the functions by the change of this number, largest first; then by calls, then by self time' -r -f -a "calls\t'Number of calls'
self\t'Time without called functions'
total\t'Time with called functions, recursion counted once'"
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l strip_prefix -d 'Remove this directory from the beginning of source paths, also in the names of functions. Can be given more than once' -r -F
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l threads -d 'Use N worker threads: up to 64, or one per processor if there are more [default: one per processor, up to 16]' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l since -d 'Only from this time on: a time since the begin of the trace (5s, 300ms), or a date in UTC (2026-11-22T11:23:20)' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l until -d 'Only before this time, given in the same way' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l last -d 'Only the last part of the trace, of this length (5s, 300ms, ...). With --until: the part that ends at that time' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l as_of -d 'Show processes that still run as of one instant: `now`, or a time of the monotonic clock in ns. What they record later is left out, and calls that were open then are unfinished. The report has all that the rings hold, also more than --tracer_entries; --last counts back from the instant' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l pid -d 'Only the process with this id. Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l process_name -d 'Only processes with this name. Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l tid -d 'Only the thread with this id of the operating system. Can be given more than once' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l func -d 'Only calls of functions whose names match, and all calls inside these calls' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l min_duration -d 'Only calls that took at least this long: 100us, 2ms, ...' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l max_depth -d 'Only calls that are nested in fewer than N other calls' -r
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l no_source -d 'Leave the text of source files out of the page'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l markdown -d 'Print Markdown, for the summary of a CI run'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l json -d 'Print JSON, for use in programs'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l strict -d 'Exit with status 1 if calls are missing in a run, no call is selected, a process was killed or still runs, or a rule has no verdict'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -s q -l quiet -d 'Show no progress'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -l drop_c_functions -d 'Leave out calls of C functions'
complete -c viztracer-merge -n "__fish_viztracer_merge_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
