import Foundation
import HTTPTypes
import Kernel
import Testing

@testable import Web

/// Every refusal is documented, and documented once.
@Suite struct ErrorsPageTests {
    /// The codes that stand in the sources, however they are used.
    static func declared() throws -> [String] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let sources = root.appendingPathComponent("Sources").path
        var codes: [String] = []
        for name in try FileManager.default.subpathsOfDirectory(atPath: sources) where name.hasSuffix(".swift") {
            let bytes = try #require(FileManager.default.contents(atPath: sources + "/" + name))
            let text = String(decoding: bytes, as: UTF8.self)
            for match in text.matches(of: #/Self\("([a-z_0-9]+)"/#) { codes.append(String(match.output.1)) }
        }
        return codes
    }

    @Test("the page names every code of the sources, and no other")
    func isComplete() throws {
        let declared = try Self.declared()
        #expect(declared.count > 30)
        #expect(Set(declared).count == declared.count, "a code is declared once")
        let listed = ErrorsPage.codes.map(\.name)
        #expect(listed.sorted() == declared.sorted())
    }

    @Test("each code has a row with its status and an anchor that a problem's type leads to")
    func rows() {
        let lines = ErrorsPage.markdown.split(separator: "\n")
        for code in ErrorsPage.codes {
            let rows = lines.filter { $0.contains("<a id=\"\(code.name)\"></a>`\(code.name)`") }
            #expect(rows.count == 1, "\(code.name)")
            let row = rows.first ?? ""
            #expect(row.contains("| \(code.kind.status.code) |") && row.contains("| \(code.title) |"), "\(row)")
            #expect(!code.title.isEmpty && !code.title.hasSuffix("."))
        }
    }

    @Test("the page is served")
    func served() async throws {
        let fixture = try await CounterFixture()
        let page = try await fixture.get("/docs/errors")
        #expect(page.status == 200)
        #expect(page.headers[.contentType] == "text/markdown; charset=utf-8")
        #expect(page.text == ErrorsPage.markdown)
    }
}
