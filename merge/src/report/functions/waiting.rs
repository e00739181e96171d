//! Which functions wait: for another thread or process, for data, for a time. docs/waiting.md shows this list to users.

use viztracer_format::names::Function;

/// C functions, by the names that the tracer gives them in one version of CPython or another.
const C_FUNCTIONS: [&str; 49] = [
    "_multiprocessing.SemLock.__enter__",
    "_multiprocessing.SemLock.acquire",
    "_queue.SimpleQueue.get",
    "_signal.pause",
    "_signal.sigtimedwait",
    "_signal.sigwait",
    "_signal.sigwaitinfo",
    "_socket.getaddrinfo",
    "_socket.socket._accept",
    "_socket.socket.connect",
    "_socket.socket.recv",
    "_socket.socket.recv_into",
    "_socket.socket.recvfrom",
    "_socket.socket.recvfrom_into",
    "_socket.socket.recvmsg",
    "_ssl._SSLSocket.do_handshake",
    "_ssl._SSLSocket.read",
    "_thread.RLock.__enter__",
    "_thread.RLock._acquire_restore",
    "_thread.RLock.acquire",
    "_thread._ThreadHandle.join",
    "_thread._shutdown",
    "_thread.lock.__enter__",
    "_thread.lock.acquire",
    "_thread.lock.acquire_lock",
    "builtins.input",
    "fcntl.flock",
    "fcntl.lockf",
    "posix.wait",
    "posix.wait3",
    "posix.wait4",
    "posix.waitid",
    "posix.waitpid",
    "select.devpoll.poll",
    "select.epoll.poll",
    "select.kqueue.control",
    "select.poll.poll",
    "select.select",
    "signal.pause",
    "socket._accept",
    "socket.accept",
    "socket.connect",
    "socket.recv",
    "socket.recv_into",
    "socket.recvfrom",
    "socket.recvfrom_into",
    "socket.recvmsg",
    "time.clock_nanosleep",
    "time.sleep",
];

/// Functions of the standard library in Python, by module.
const PYTHON_FUNCTIONS: [(&str, &[&str]); 9] = [
    ("concurrent/futures/_base.py", &["Future.exception", "Future.result", "wait"]),
    ("multiprocessing/connection.py", &["Connection._poll", "Connection._recv", "SocketListener.accept", "wait"]),
    ("multiprocessing/pool.py", &["ApplyResult.get", "ApplyResult.wait", "IMapIterator.next", "Pool.join"]),
    ("multiprocessing/popen_fork.py", &["Popen.wait"]),
    ("multiprocessing/process.py", &["BaseProcess.join"]),
    ("multiprocessing/queues.py", &["Queue.get", "SimpleQueue.get"]),
    ("queue.py", &["Queue.get", "Queue.join"]),
    ("subprocess.py", &["Popen._wait", "Popen.communicate", "Popen.wait"]),
    (
        "threading.py",
        &[
            "Barrier.wait",
            "Condition.wait",
            "Condition.wait_for",
            "Event.wait",
            "Semaphore.acquire",
            "Thread.join",
            "_RLock.acquire",
        ],
    ),
];

/// Whether a function is known to wait. A function of the program that has such a name is none of them.
pub fn waits(function: &Function<'_>) -> bool {
    let Function { name, file, is_c, .. } = *function;
    if is_c || file.is_empty() {
        return C_FUNCTIONS.binary_search(&name).is_ok();
    }
    let module = PYTHON_FUNCTIONS.iter().find(|(module, _)| file.strip_suffix(module).is_some_and(is_library));
    // CPython 3.10 has no qualified names.
    let is_it = |known: &&str| *known == name || known.rsplit_once('.').is_some_and(|(_, last)| last == name);
    module.is_some_and(|(_, names)| names.iter().any(is_it))
}

/// Whether this is the path of the folder of the standard library, or nothing, if that was stripped from the path.
fn is_library(folder: &str) -> bool {
    let Some(path) = folder.strip_suffix('/') else { return folder.is_empty() };
    path.rsplit('/').next().is_some_and(|last| last == "Lib" || last.strip_prefix("python3.").is_some_and(is_minor))
}

/// Whether this is the second part of a version of CPython, such as `14`, or `14t` without a GIL.
fn is_minor(version: &str) -> bool {
    let digits = version.strip_suffix('t').unwrap_or(version);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn c(name: &str) -> bool {
        waits(&Function { name, file: "", line: 0, is_c: true })
    }

    fn python(name: &str, file: &str) -> bool {
        waits(&Function { name, file, line: 1, is_c: false })
    }

    #[test]
    fn the_list_is_in_order_so_that_it_can_be_searched() {
        assert!(C_FUNCTIONS.is_sorted());
        assert!(C_FUNCTIONS.iter().all(|name| c(name)));
    }

    #[test]
    fn what_waits_and_what_does_not() {
        assert!(c("time.sleep") && c("_thread.lock.acquire") && !c("posix.read") && !c("sleep"));
        let library = "/usr/lib/python3.14/";
        assert!(python("Queue.get", &format!("{library}queue.py")));
        assert!(python("get", &format!("{library}queue.py")), "CPython 3.10");
        assert!(python("Thread.join", "threading.py"), "of a report without that prefix");
        assert!(python("Future.result", "/cpython/Lib/concurrent/futures/_base.py"));
        assert!(python("Queue.get", "/usr/lib/python3.14t/queue.py"), "CPython without a GIL");
        assert!(!python("Queue.put", &format!("{library}queue.py")));
    }

    #[test]
    fn functions_of_the_program_with_such_names_are_none() {
        for file in [
            "/x/queue.py",
            "/usr/lib/python3.14/site-packages/rq/queue.py",
            "/x/python3/queue.py",
            "/x/python3-server/queue.py",
            "/x/python3.d/queue.py",
        ] {
            assert!(!python("Queue.get", file), "{file}");
        }
        assert!(!python("time.sleep", "/x/app.py"));
        assert!(!python("Queue.get", "/usr/lib/python3.14/asyncio/queues.py"), "a task that waits is no thread");
    }

    #[test]
    fn the_document_lists_all_of_them() {
        let document = include_str!("../../../../docs/waiting.md");
        let named = |name: &str| document.contains(&format!("`{name}`"));
        for name in C_FUNCTIONS.iter().chain(PYTHON_FUNCTIONS.iter().flat_map(|(_, names)| *names)) {
            assert!(named(name), "docs/waiting.md lacks {name}");
        }
    }
}
