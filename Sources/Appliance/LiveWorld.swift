import Kernel

extension World {
    /// The real clock, the system's randomness, libcurl and the file system.
    ///
    /// Made once, at start: ids never go back within one world.
    package static func live() -> World {
        World(time: LiveTime(), chance: LiveChance(), network: CurlNetwork(), disk: LiveDisk())
    }
}
