import Glibc
import Kernel

/// Files of the real file system, written so that a power cut leaves the old or the new.
///
/// Directories that are missing are made, for their owner alone (0700).
package struct LiveDisk: Disk {
    package init() {}

    package func read(_ path: String) throws -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path)
        }
        defer { close(file) }
        return try readAll(file, path)
    }

    package func write(_ bytes: [UInt8], to path: String) throws {
        let directory = parent(of: path)
        try makeDirectory(directory)
        // A name of its own, so that two writers never share a half-written file.
        let temporary = path + "." + Hex.encode(LiveChance().bytes(6)) + ".tmp"
        do {
            try writeAll(bytes, to: temporary)
            guard rename(temporary, path) == 0 else { throw failure(path) }
        } catch {
            unlink(temporary)
            throw error
        }
        try syncDirectory(directory)
    }

    package func remove(_ path: String) throws {
        guard unlink(path) != 0 else { return try syncDirectory(parent(of: path)) }
        if errno != ENOENT { throw failure(path) }
    }

    /// Where `path` does not exist yet, the nearest directory above it answers.
    package func freeBytes(at path: String) throws -> Int64 {
        var place = path
        var answer = statvfs()
        while statvfs(place, &answer) != 0 {
            guard errno == ENOENT, place != "/", place != "." else { throw failure(path) }
            place = parent(of: place)
        }
        let (bytes, overflow) = UInt64(answer.f_bavail).multipliedReportingOverflow(by: UInt64(answer.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }
}

extension LiveDisk {
    /// Makes the directory and those above it, for their owner alone.
    static func prepareDirectory(_ path: String) throws {
        try makeDirectory(path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path)
    }

    /// Gives a file that was written by somebody else its final name, durably.
    static func publish(_ temporary: String, as path: String) throws {
        let file = open(temporary, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure(temporary) }
        defer { close(file) }
        guard fsync(file) == 0, rename(temporary, path) == 0 else { throw failure(path) }
        try syncDirectory(parent(of: path))
    }

    /// Writes a page of the documentation: readable by everyone, unlike everything else.
    static func publishText(_ text: String, to path: String) throws {
        try LiveDisk().write(Array(text.utf8), to: path)
        guard chmod(path, 0o644) == 0 else { throw failure(path) }
    }
}

/// The system's words for the call that failed last. Read `errno` before anything else runs.
private func failure(_ path: String) -> DiskFailure {
    DiskFailure(path: path, reason: String(cString: strerror(errno)))
}

private func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

private func makeDirectory(_ path: String) throws {
    if mkdir(path, 0o700) == 0 { return try syncDirectory(parent(of: path)) }
    if errno == EEXIST { return }
    guard errno == ENOENT, parent(of: path) != path else { throw failure(path) }
    try makeDirectory(parent(of: path))
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure(path) }
    try syncDirectory(parent(of: path))
}

/// Makes names durable: a renamed file may otherwise be gone after a power cut.
///
/// - SeeAlso: fsync(2), "Calling fsync() does not necessarily ensure that the
///   entry in the directory containing the file has also reached disk."
private func syncDirectory(_ path: String) throws {
    let directory = open(path, O_RDONLY | O_CLOEXEC)
    guard directory >= 0 else { throw failure(path) }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw failure(path) }
}

private func readAll(_ file: Int32, _ path: String) throws -> [UInt8] {
    let step = 65_536
    var out: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: step)
    while true {
        let count = read(file, &chunk, step)
        if count > 0 {
            out += chunk.prefix(count)
        } else if count == 0 {
            return out
        } else if errno != EINTR {
            throw failure(path)
        }
    }
}

private func writeAll(_ bytes: [UInt8], to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure(path) }
    defer { close(file) }
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { buffer in write(file, buffer.baseAddress.map { $0 + done }, buffer.count - done) }
        if count > 0 {
            done += count
        } else if count < 0, errno != EINTR {
            throw failure(path)
        }
    }
    guard fsync(file) == 0 else { throw failure(path) }
}
