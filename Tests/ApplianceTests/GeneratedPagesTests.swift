import Appliance
import Foundation
import Kernel
import Testing

/// The pages under docs/ that are made from the code are as the code would make them.
@Suite struct GeneratedPagesTests {
    static let names = ["schema.sql", "errors.md", "configuration.md", "openapi.json"]

    static func page(_ name: String) -> String? {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let path = root.appendingPathComponent("docs").appendingPathComponent(name).path
        return FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `the list of pages is this one`() throws {
        let made = try GeneratedPages.all()
        #expect(made.map(\.name) == Self.names)
    }

    @Test("a page is not older than the code", arguments: names)
    func isCurrent(_ name: String) throws {
        let made = try #require(try GeneratedPages.all().first { $0.name == name })
        let kept = try #require(Self.page(name), "docs/\(name) is missing: `till schema --docs docs` writes it")
        let keptLines = kept.split(separator: "\n", omittingEmptySubsequences: false)
        let madeLines = made.text.split(separator: "\n", omittingEmptySubsequences: false)
        let place = zip(keptLines, madeLines).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(keptLines.count, madeLines.count)
        #expect(keptLines == madeLines, "docs/\(name) differs from line \(place + 1) on: `till schema --docs docs` renews it")
    }

    @Test func `the pages hold what they are for`() throws {
        var texts: [String: String] = [:]
        for page in try GeneratedPages.all() { texts[page.name] = page.text }
        #expect(texts["schema.sql"]?.contains("CREATE TABLE ledger_entries") == true)
        #expect(texts["errors.md"]?.contains("`link_not_found`") == true)
        #expect(texts["configuration.md"]?.contains("| `seller_name` |") == true)
        let openAPI = try JSON.read(try #require(texts["openapi.json"]))
        #expect(openAPI["openapi"]?.text == "3.1.0")
        for text in texts.values { #expect(text.hasSuffix("\n") && !text.contains("\r")) }
    }
}
