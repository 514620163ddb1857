import Foundation
import Glibc
import Kernel
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
    package static func printLine(_ line: [UInt8]) { put(line, on: STDOUT_FILENO) }

    /// The same on standard error, for words about a command.
    static func printError(_ line: [UInt8]) { put(line, on: STDERR_FILENO) }

    private static func put(_ line: [UInt8], on descriptor: CInt) {
        let bytes = line + [UInt8(ascii: "\n")]
        output.withLock { _ in
            var done = 0
            while done < bytes.count {
                let count = bytes.withUnsafeBytes { buffer in write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done) }
                if count > 0 {
                    done += count
                } else if count == 0 || errno != EINTR && errno != EAGAIN {
                    return
                }
            }
        }
    }

    private static let output = Mutex(false)

    /// A TCP port that nobody listens on right now.
    static func freePort(host: String) throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw DiskFailure(path: host, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let found = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0 }
        }
        guard found else { throw DiskFailure(path: host, reason: String(cString: strerror(errno))) }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
