import Foundation
import Kernel
import Storage
import Testing

/// A migration that has been released is in files out there: its SQL never changes again.
///
/// The steps are read from the sources, so that no module can be forgotten here.
@Suite struct MigrationHashTests {
    /// SHA-256 of each step's SQL. A new step adds its line; a line with a changed hash is a mistake
    /// as soon as one release has gone out with it: write another step instead.
    static let held: [String: String] = [
        "access/1 sellers, keys, people and sessions": "237bc68dc1f6fd16bbc755e7e65e00e9bfbcdc78b4417aa82878f65408f4c351",
        "goods/1 products": "90b473dac5c5285f8d2b4af12cdf977be8bc01a334694fc8f3d7a08f20b75ef5",
        "ledger/1 accounts, entries, postings and fee schedules": "a71de6ceca919c108517ef445253e8afeddc25606672765692366336bf9f027b",
        "payments/1 links, payments, settlements and sales": "5a76efa943dca535a1696b53459b3605e745be92741c773f5c536ec969eec341",
        "sandbox/1 accounts and transfers": "6d5396c8d94d61f19cbc90e59b2133b6f7a71cb1188d82ea87d4427bca195a85",
        "storage/1 audit log and idempotency keys": "60328cfd33ddc8a74b247a3305e4ead68269deb50831a0cdb0708d7035085045",
        "webhooks/1 events": "53fd435e8df63726a82ddd2461f1ad3657269df1684dc117a1a79c0e0755dde8",
    ]

    /// Every step written as `Migration("name", """…""")` below Sources.
    static func steps() throws -> [Migration] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let sources = root.appendingPathComponent("Sources")
        let names = try FileManager.default.subpathsOfDirectory(atPath: sources.path).filter { $0.hasSuffix("Schema.swift") }
        return try names.sorted().flatMap { name in
            let text = try String(contentsOf: sources.appendingPathComponent(name), encoding: .utf8)
            return migrations(in: text)
        }
    }

    /// Swift takes the indentation of the closing quotes off every line of the text.
    static func migrations(in text: String) -> [Migration] {
        text.components(separatedBy: "Migration(").dropFirst().map { part in
            let quoted = part.components(separatedBy: "\"\"\"")
            let named = quoted[0].components(separatedBy: "\"")
            guard quoted.count >= 3, named.count == 3 else { return Migration("unreadable: \(part.prefix(60))", "") }
            let lines = quoted[1].components(separatedBy: "\n").dropFirst()
            let indentation = lines.last?.count ?? 0
            return Migration(named[1], lines.dropLast().map { String($0.dropFirst(indentation)) }.joined(separator: "\n"))
        }
    }

    @Test func `every step is held, and none has changed`() throws {
        let steps = try Self.steps()
        #expect(steps.count >= 7)
        for step in steps {
            #expect(
                Self.held[step.name] == step.hash,
                """
                “\(step.name)” is not the step that is held. If it has been released, put its SQL back and write a new step.
                If it is new, add to the table: "\(step.name)": "\(step.hash)",
                """)
            #expect(!step.sql.contains("\\"), "an escape in “\(step.name)” would be hashed as it is written, not as it runs")
        }
        let known = Set(steps.map(\.name))
        for name in Self.held.keys.sorted() { #expect(known.contains(name), "“\(name)” was released and is gone") }
    }

    @Test func `what is read from the sources is what runs`() throws {
        let read = try Self.steps().filter { $0.name.hasPrefix("storage/") }
        #expect(read.map(\.name) == StorageSchema.migrations.map(\.name))
        #expect(read.map(\.hash) == StorageSchema.migrations.map(\.hash))
    }

    @Test func `a hash covers every character`() {
        #expect(Migration("a", "x").hash == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")
        #expect(Migration("b", "x").hash == Migration("a", "x").hash)
        #expect(Migration("a", "x ").hash != Migration("a", "x").hash)
    }
}
