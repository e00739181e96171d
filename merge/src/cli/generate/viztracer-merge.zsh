#compdef viztracer-merge

autoload -U is-at-least

_viztracer-merge() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'*-o+[Write the report to this file. The file name extension selects the format\: .json, .pftrace or .speedscope.json, each also with .gz; .html, .csv, .parquet or .folded. A name such as calls.parquet/ is that of a new directory, which gets a file for each process. Use - for standard output. Can be given more than once \[default\: result.json\]]:OUT:_files' \
'*--output=[Write the report to this file. The file name extension selects the format\: .json, .pftrace or .speedscope.json, each also with .gz; .html, .csv, .parquet or .folded. A name such as calls.parquet/ is that of a new directory, which gets a file for each process. Use - for standard output. Can be given more than once \[default\: result.json\]]:OUT:_files' \
'--format=[The format of outputs whose names do not select one, such as standard output]:FORMAT:((json\:"Chrome trace in JSON"
json.gz\:"The same, compressed with gzip"
pftrace\:"Perfetto trace in protobuf"
pftrace.gz\:"The same, compressed with gzip"
speedscope\:"Profile for speedscope.app"
speedscope.gz\:"The same, compressed with gzip"
html\:"Page that shows the trace in any browser, offline"
csv\:"Table of the functions of every process"
parquet\:"Table of all calls, for DuckDB, Polars, pandas and others"
folded\:"Collapsed stacks for flame graphs"))' \
'(--no_source)--source_root=[Look in this directory for source files that no ring file of yours identifies\: those of traces in JSON, of another machine or of a container. The file for /app/a.py is DIR/app/a.py, or DIR/a.py with --strip_prefix /app]:DIR:_files' \
'*--strip_prefix=[Remove this directory from the beginning of source paths, also in the names of functions. Can be given more than once]:PATH:_files' \
'(--last_words --info --dump)--top=[Print the N functions that took the most time, of all processes and of each one\: calls, time with and without called functions, mean, median, 99th percentile. A report is written only if -o is given]:N:_default' \
'--sort=[With --top\: sort the functions by this column, largest first]:BY:((self\:"Time without called functions"
total\:"Time with called functions, recursion counted once"
calls\:"Number of calls"
mean\:"Mean time of a call"
p50\:"Median time of a call"
p99\:"99th percentile of the time of a call"
max\:"Time of the longest call"))' \
'--threads=[Use N worker threads\: up to 64, or one per processor if there are more \[default\: one per processor, up to 16\]]:N:_default' \
'--generate=[Print the manual page, or the completion script for a shell]:WHAT:((man\:"The manual page"
bash\:"Completion for bash"
zsh\:"Completion for zsh"
fish\:"Completion for fish"))' \
'--align=[How to align several runs on the time line. With \`monotonic\`, times are those of the machine'\''s monotonic clock, as in VizTracer'\''s reports; otherwise they begin at 0. With \`start\`, a run that has called set_sync_marker() is aligned at the time of this call]:HOW:((clock\:"By their clocks"
start\:"As if all runs had begun at the same time; processes of one run stay aligned by their clocks"
monotonic\:"By their clocks; time 0 is that of the first file'\''s monotonic clock, as in the reports of VizTracer"))' \
'--barrier=[Place machines by the calls of these functions instead of by their wall clocks. All processes must call them, and none may leave a call before all have entered it, as in torch.distributed.barrier. The summary says how exact the times are then]:REGEX:_default' \
'*--offset=[Shift a file, or all files in a directory, on the time line\: in nanoseconds (run_2=-1500) or with a unit (run_2=+20ms). Can be given more than once]:FILE=TIME:_default' \
'--since=[Only from this time on\: a time since the begin of the trace (5s, 300ms), or a date in UTC (2026-11-22T11\:23\:20)]:TIME:_default' \
'--until=[Only before this time, given in the same way]:TIME:_default' \
'--last=[Only the last part of the trace, of this length (5s, 300ms, ...). With --until\: the part that ends at that time]:TIME:_default' \
'(--until)--as_of=[Show processes that still run as of one instant\: \`now\`, or a time of the monotonic clock in ns. What they record later is left out, and calls that were open then are unfinished. The report has all that the rings hold, also more than --tracer_entries; --last counts back from the instant]:TIME:_default' \
'*--pid=[Only the process with this id. Can be given more than once]:PID:_default' \
'*--process_name=[Only processes with this name. Can be given more than once]:NAME:_default' \
'*--tid=[Only the thread with this id of the operating system. Can be given more than once]:TID:_default' \
'--func=[Only calls of functions whose names match, and all calls inside these calls]:REGEX:_default' \
'--min_duration=[Only calls that took at least this long\: 100us, 2ms, ...]:TIME:_default' \
'--max_depth=[Only calls that are nested in fewer than N other calls]:N:_default' \
'--no_source[Leave the text of source files out of the report]' \
'--show_losses[In JSON, show overwritten and lost events as events of the category LOSS on the tracks of their threads, for https\://ui.perfetto.dev and chrome\://tracing. Scripts that count events count these, too. The other formats show losses in any case]' \
'--strict[Exit with status 1 if the report is not complete, and list what is missing\: events that were overwritten or lost, damaged parts, functions without a name, returns that matched no call, and calls that are unfinished because their process crashed or was killed. A worker that got SIGTERM or the like was ended by its program, as pools do]' \
'--last_words[Print the last calls of each process that crashed, was killed or still runs\: for every thread the open calls and the last 20 calls that ended. A report is written only if -o is given]' \
'--tasks[With --top\: print the coroutines of asyncio and trio tasks (--log_async) instead\: calls and resumes, latency from the first resume to the end (median, 99th percentile, longest), and how much of it was awaiting and running. They are sorted by both together, or with --sort self by running]' \
'(--tasks)--busy[With --top\: leave out calls that wait, for a lock, a queue, data or a time, and their time in the calls around them. docs/waiting.md lists the functions that wait. Mean, median and 99th percentile are of whole calls]' \
'--markdown[With --top\: print Markdown, for the summary of a CI run]' \
'(-o --output --format --strict --last_words)--info[Print one row per file\: process, start, duration, events, losses]' \
'(--markdown)--json[With --top, --last_words or --info\: print JSON, for use in programs]' \
'(--info -o --output --format --strict --last_words)--dump[Print every record of ring files as a line, with the header, anchors, names and stacks that format/FORMAT.md describes]' \
'-q[Print errors and warnings only\: no progress, no summary, no list of what killed runs have left]' \
'--quiet[Print errors and warnings only\: no progress, no summary, no list of what killed runs have left]' \
'--drop_c_functions[Leave out calls of C functions]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::inputs -- Ring files (.bin), traces in JSON (.json, .json.gz), directories (searched recursively for ring files; if there are none, for traces in JSON), and quoted patterns ('\''runs/**/*.bin'\''). Use - to read a list of inputs from standard input, each ended by a line feed or by NUL:_files' \
":: :_viztracer-merge_commands" \
"*::: :->viztracer-merge" \
&& ret=0
    case $state in
    (viztracer-merge)
        words=($line[2] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:viztracer-merge-command-$line[2]:"
        case $line[2] in
            (calls)
_arguments "${_arguments_options[@]}" : \
'--slowest=[Show the N slowest calls]:N:_default' \
'--by=[The time that makes a call slow]:BY:((duration\:"Time with called functions"
self\:"Time without called functions"))' \
'*--strip_prefix=[Remove this directory from the beginning of source paths, also in the names of functions. Can be given more than once]:PATH:_files' \
'--threads=[Use N worker threads\: up to 64, or one per processor if there are more \[default\: one per processor, up to 16\]]:N:_default' \
'--align=[How to align several runs on the time line. With \`monotonic\`, times are those of the machine'\''s monotonic clock, as in VizTracer'\''s reports; otherwise they begin at 0. With \`start\`, a run that has called set_sync_marker() is aligned at the time of this call]:HOW:((clock\:"By their clocks"
start\:"As if all runs had begun at the same time; processes of one run stay aligned by their clocks"
monotonic\:"By their clocks; time 0 is that of the first file'\''s monotonic clock, as in the reports of VizTracer"))' \
'--barrier=[Place machines by the calls of these functions instead of by their wall clocks. All processes must call them, and none may leave a call before all have entered it, as in torch.distributed.barrier. The summary says how exact the times are then]:REGEX:_default' \
'*--offset=[Shift a file, or all files in a directory, on the time line\: in nanoseconds (run_2=-1500) or with a unit (run_2=+20ms). Can be given more than once]:FILE=TIME:_default' \
'--since=[Only from this time on\: a time since the begin of the trace (5s, 300ms), or a date in UTC (2026-11-22T11\:23\:20)]:TIME:_default' \
'--until=[Only before this time, given in the same way]:TIME:_default' \
'--last=[Only the last part of the trace, of this length (5s, 300ms, ...). With --until\: the part that ends at that time]:TIME:_default' \
'(--until)--as_of=[Show processes that still run as of one instant\: \`now\`, or a time of the monotonic clock in ns. What they record later is left out, and calls that were open then are unfinished. The report has all that the rings hold, also more than --tracer_entries; --last counts back from the instant]:TIME:_default' \
'*--pid=[Only the process with this id. Can be given more than once]:PID:_default' \
'*--process_name=[Only processes with this name. Can be given more than once]:NAME:_default' \
'*--tid=[Only the thread with this id of the operating system. Can be given more than once]:TID:_default' \
'--min_duration=[Only calls that took at least this long\: 100us, 2ms, ...]:TIME:_default' \
'--max_depth=[Only calls that are nested in fewer than N other calls]:N:_default' \
'--func=[Only calls of functions whose names match]:REGEX:_default' \
'--markdown[Print Markdown, for the summary of a CI run]' \
'(--markdown)--json[Print JSON, for use in programs]' \
'--strict[Exit with status 1 if calls are missing, and list what is missing; or if no call is selected]' \
'-q[Show no progress]' \
'--quiet[Show no progress]' \
'--drop_c_functions[Leave out calls of C functions]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::inputs -- Ring files, traces in JSON, directories and quoted patterns. Use - to read a list of them from standard input:_files' \
&& ret=0
;;
(compare)
_arguments "${_arguments_options[@]}" : \
'*--base=[More of BASE. Can be given more than once]:INPUT:_files' \
'*--head=[More of HEAD. Can be given more than once]:INPUT:_files' \
'*--fail_on=[Exit with status 3 if a function, or the whole program, changes more than this\: '\''calls>+5%'\'', '\''calls>+100'\'', '\''self>+20%'\'', '\''total>+50ms'\'', or '\''calls<-5%'\'' for less. With '\''calls>+5% of func REGEX'\''\: only functions whose names match; with '\''of program'\''\: only the whole program. Can be given more than once]:RULE:_default' \
'--top=[Show the N functions that changed most \[default\: 20, and all with --json\]]:N:_default' \
'(--as_of)-o+[Also write a page (.html) that shows the runs of both sides on one time line, and a flame graph of the difference]:OUT:_files' \
'(--as_of)--output=[Also write a page (.html) that shows the runs of both sides on one time line, and a flame graph of the difference]:OUT:_files' \
'--sort=[Sort the functions by the change of this number, largest first; then by calls, then by self time]:BY:((calls\:"Number of calls"
self\:"Time without called functions"
total\:"Time with called functions, recursion counted once"))' \
'*--strip_prefix=[Remove this directory from the beginning of source paths, also in the names of functions. Can be given more than once]:PATH:_files' \
'--threads=[Use N worker threads\: up to 64, or one per processor if there are more \[default\: one per processor, up to 16\]]:N:_default' \
'--since=[Only from this time on\: a time since the begin of the trace (5s, 300ms), or a date in UTC (2026-11-22T11\:23\:20)]:TIME:_default' \
'--until=[Only before this time, given in the same way]:TIME:_default' \
'--last=[Only the last part of the trace, of this length (5s, 300ms, ...). With --until\: the part that ends at that time]:TIME:_default' \
'(--until)--as_of=[Show processes that still run as of one instant\: \`now\`, or a time of the monotonic clock in ns. What they record later is left out, and calls that were open then are unfinished. The report has all that the rings hold, also more than --tracer_entries; --last counts back from the instant]:TIME:_default' \
'*--pid=[Only the process with this id. Can be given more than once]:PID:_default' \
'*--process_name=[Only processes with this name. Can be given more than once]:NAME:_default' \
'*--tid=[Only the thread with this id of the operating system. Can be given more than once]:TID:_default' \
'--func=[Only calls of functions whose names match, and all calls inside these calls]:REGEX:_default' \
'--min_duration=[Only calls that took at least this long\: 100us, 2ms, ...]:TIME:_default' \
'--max_depth=[Only calls that are nested in fewer than N other calls]:N:_default' \
'--no_source[Leave the text of source files out of the page]' \
'--markdown[Print Markdown, for the summary of a CI run]' \
'(--markdown)--json[Print JSON, for use in programs]' \
'--strict[Exit with status 1 if calls are missing in a run, no call is selected, a process was killed or still runs, or a rule has no verdict]' \
'-q[Show no progress]' \
'--quiet[Show no progress]' \
'--drop_c_functions[Leave out calls of C functions]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::base -- One or several runs\: a ring file, a trace in JSON, a directory, or a quoted pattern ('\''base_*/'\''):_files' \
'::head -- The runs that are compared with them, given in the same way:_files' \
&& ret=0
;;
        esac
    ;;
esac
}

(( $+functions[_viztracer-merge_commands] )) ||
_viztracer-merge_commands() {
    local commands; commands=(
'calls:Print the slowest calls\: when each began, how long it took, where, and with which arguments' \
'compare:Compare runs\: functions by change of calls, self and total time' \
    )
    _describe -t commands 'viztracer-merge commands' commands "$@"
}
(( $+functions[_viztracer-merge__subcmd__calls_commands] )) ||
_viztracer-merge__subcmd__calls_commands() {
    local commands; commands=()
    _describe -t commands 'viztracer-merge calls commands' commands "$@"
}
(( $+functions[_viztracer-merge__subcmd__compare_commands] )) ||
_viztracer-merge__subcmd__compare_commands() {
    local commands; commands=()
    _describe -t commands 'viztracer-merge compare commands' commands "$@"
}

if [ "$funcstack[1]" = "_viztracer-merge" ]; then
    _viztracer-merge "$@"
else
    compdef _viztracer-merge viztracer-merge
fi
