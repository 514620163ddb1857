import Kernel
import Synchronization

/// Files in memory, on a disk that can be made full.
package final class SimulatedDisk: Disk {
    private struct State {
        var files: [String: [UInt8]] = [:]
        var free: Int64 = 1 << 40
    }

    private let state = Mutex(State())

    package init() {}

    /// Sets how much room is left. 0 makes every write fail.
    package func setFreeBytes(_ bytes: Int64) { state.withLock { $0.free = bytes } }

    /// The paths of all files, sorted.
    package var paths: [String] {
        let paths: [String] = state.withLock { Array($0.files.keys) }
        return paths.sorted()
    }

    package func read(_ path: String) throws -> [UInt8]? { state.withLock { $0.files[path] } }

    package func write(_ bytes: [UInt8], to path: String) throws {
        let written: Bool = state.withLock { state in
            guard Int64(bytes.count) <= state.free else { return false }
            state.free -= Int64(bytes.count)
            state.free += Int64(state.files[path]?.count ?? 0)
            state.files[path] = bytes
            return true
        }
        if !written { throw DiskFailure(path: path, reason: "No space left on device") }
    }

    package func remove(_ path: String) throws {
        state.withLock { state in
            let old = state.files.removeValue(forKey: path)
            state.free += Int64(old?.count ?? 0)
        }
    }

    package func freeBytes(at path: String) throws -> Int64 { state.withLock { $0.free } }
}
