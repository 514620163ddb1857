import Appliance
import Foundation
import Glibc
import Kernel
import Testing

@Suite struct LiveDiskTests {
    let disk = LiveDisk()
    let directory = "/tmp/till-tests-" + Hex.encode(LiveChance().bytes(8))

    private func mode(_ path: String) -> UInt32 {
        var found = stat()
        return stat(path, &found) == 0 ? found.st_mode & 0o777 : 0
    }

    private func names() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] }

    private func clean() { try? FileManager.default.removeItem(atPath: directory) }

    @Test func `a file is written whole, replaced whole, and its owner's alone`() throws {
        defer { clean() }
        let path = directory + "/keys/till.key"
        #expect(try disk.read(path) == nil)
        try disk.write(Array("old".utf8), to: path)
        try disk.write([UInt8](repeating: 7, count: 200_000), to: path)
        #expect(try disk.read(path) == [UInt8](repeating: 7, count: 200_000))
        #expect(mode(path) == 0o600)
        #expect(mode(directory) == 0o700)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/keys") == ["till.key"])
    }

    @Test func `a write that fails leaves the old file and nothing beside it`() throws {
        defer { clean() }
        // A directory that holds something cannot be replaced by a file.
        try disk.write([1], to: directory + "/taken/inside")
        #expect(throws: DiskFailure.self) { try disk.write([2], to: directory + "/taken") }
        #expect(names() == ["taken"])
        #expect(try disk.read(directory + "/taken/inside") == [1])
    }

    @Test func `removing twice is removing once`() throws {
        defer { clean() }
        try disk.write([], to: directory + "/empty")
        #expect(try disk.read(directory + "/empty") == [])
        try disk.remove(directory + "/empty")
        try disk.remove(directory + "/empty")
        #expect(names() == [])
    }

    @Test func `free space is known before the file is there`() throws {
        #expect(try disk.freeBytes(at: directory + "/not/yet/there") > 0)
    }
}
