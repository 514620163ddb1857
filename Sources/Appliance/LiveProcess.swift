import Foundation
import Glibc
import Synchronization

/// The process itself: who runs it, what it was started with, and its standard output.
package enum LiveProcess {
    /// The environment variables it was started with.
    package static func environment() -> [String: String] { ProcessInfo.processInfo.environment }

    /// The user whose rights it has.
    package static var userID: UInt32 { geteuid() }

    /// Whether a person is reading standard output.
    package static var isOnTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Keeps every file made from now on from other users of the machine.
    ///
    /// For good, and for all threads: nothing that Till writes is for others.
    package static func keepFilesPrivate() { umask(0o077) }

    /// Writes one line to standard output, in one write(2) wherever the system takes it whole.
    ///
    /// The lock keeps a line that has to be written in pieces from being cut by
    /// another. What cannot be written is dropped: a log has nowhere to complain.
    package static func printLine(_ line: [UInt8]) {
        let bytes = line + [UInt8(ascii: "\n")]
        output.withLock { _ in
            var done = 0
            while done < bytes.count {
                let count = bytes.withUnsafeBytes { buffer in write(STDOUT_FILENO, buffer.baseAddress.map { $0 + done }, buffer.count - done) }
                if count > 0 {
                    done += count
                } else if count == 0 || errno != EINTR && errno != EAGAIN {
                    return
                }
            }
        }
    }

    private static let output = Mutex(false)
}
