import Appliance
import Kernel
import Logging
import Simulation
import Synchronization
import Testing

private final class Lines: Sendable {
    private let held = Mutex<[String]>([])
    var all: [String] { held.withLock { $0 } }
    func add(_ line: [UInt8]) { held.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}

@Suite struct JSONLogHandlerTests {
    private let lines = Lines()

    private func logger(_ level: Logger.Level = .info) -> Logger {
        let lines = self.lines
        let time = World.simulated(seed: 1).time
        return Logger(
            label: "till",
            factory: { label in
                JSONLogHandler(label: label, level: level, time: time, write: { line in lines.add(line) })
            })
    }

    @Test func `a message is one line of JSON in a fixed order`() {
        logger().info("ready", metadata: ["url": "http://127.0.0.1:8402"])
        let expected = #"{"time":"2023-11-14T22:13:20.000Z","level":"info","message":"ready","label":"till","url":"http://127.0.0.1:8402"}"#
        #expect(lines.all == [expected])
    }

    @Test func `control characters cannot end a line`() throws {
        logger().error("two\nlines\u{1b}[0m", metadata: ["agent": "a\r\nb"])
        let line = try #require(lines.all.first)
        #expect(line.utf8.allSatisfy { $0 >= 0x20 })
        #expect(try JSON.read(line)["message"]?.text == "two\nlines\u{1b}[0m")
    }

    @Test func `metadata is flat and never hides a fixed field`() throws {
        logger().notice("x", metadata: ["request": ["id": "req_1", "size": .stringConvertible(12)], "message": "y", "tags": ["a", "b"]])
        let json = try JSON.read(try #require(lines.all.first))
        #expect(json["message"]?.text == "x")
        #expect(json["metadata.message"]?.text == "y")
        #expect(json["request.id"]?.text == "req_1")
        #expect(json["request.size"]?.text == "12")
        #expect(json["tags"]?.items?.count == 2)
    }

    @Test func `a secret prints as dots`() throws {
        let secret = Secret("hush")
        logger().warning("key \(secret)", metadata: ["key": .stringConvertible(secret)])
        let line = try #require(lines.all.first)
        #expect(!line.contains("hush"))
        #expect(try JSON.read(line)["key"]?.text == "•••")
    }

    @Test func `messages below the level are not written`() {
        logger(.warning).info("quiet")
        #expect(lines.all == [])
    }
}
