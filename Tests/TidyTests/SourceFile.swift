import Foundation
import Testing

/// One Swift file, taken apart into what runs and what is said.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// From the root of the repository: `Sources/Kernel/Amount.swift`.
    let path: String
    let text: String
    /// The text with comments taken out and strings emptied, line for line as before.
    let code: String
    let literals: [Literal]

    /// A string as it is written between its quotes.
    struct Literal: Sendable {
        let line: Int
        let text: String
        let isInterpolated: Bool
    }

    init(path: String, text: String) {
        self.path = path
        self.text = text
        var lexer = Lexer(text)
        lexer.run()
        code = String(decoding: lexer.code, as: UTF8.self)
        literals = lexer.literals
    }

    var testDescription: String { path }

    /// The folder below Sources, or `web`.
    var module: String {
        let parts = path.split(separator: "/")
        return String(parts.count > 2 ? parts[1] : parts[0])
    }

    var name: String { String((path.split(separator: "/").last ?? "").dropLast(6)) }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    var codeLines: [Substring] { code.split(separator: "\n", omittingEmptySubsequences: false) }

    /// Every name and keyword of the code.
    var words: Set<Substring> { Set(code.split { !($0.isLetter || $0.isNumber || $0 == "_") }) }

    /// The modules it imports.
    var imports: [String] {
        codeLines.compactMap { line in
            let words = line.split(separator: " ").filter { !$0.hasPrefix("@") }
            guard words.first == "import", words.count > 1 else { return nil }
            return String(words[words.count - 1].split(separator: ".")[0])
        }
    }

    /// Everything that is shipped.
    static let shipped: [SourceFile] = all(under: "Sources") + all(under: "web")

    static func all(under directory: String) -> [SourceFile] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.appendingPathComponent(directory)
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".swift") }.sorted().compactMap { name in
            guard let text = try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8) else { return nil }
            return SourceFile(path: directory + "/" + name, text: text)
        }
    }
}

/// Tells comments and strings from code. Knows raw and multi-line strings, interpolations and nested comments.
struct Lexer {
    private let bytes: [UInt8]
    private var at = 0
    private var line = 1
    private(set) var code: [UInt8] = []
    private(set) var literals: [SourceFile.Literal] = []

    init(_ text: String) { bytes = Array(text.utf8) }

    private static let quote = UInt8(ascii: "\"")
    private static let hash = UInt8(ascii: "#")
    private static let backslash = UInt8(ascii: "\\")
    private static let newline = UInt8(ascii: "\n")
    private static let slash = UInt8(ascii: "/")
    private static let star = UInt8(ascii: "*")

    private func peek(_ offset: Int) -> UInt8 { at + offset < bytes.count ? bytes[at + offset] : 0 }

    mutating func run() {
        while at < bytes.count {
            if peek(0) == Self.slash, peek(1) == Self.slash {
                while at < bytes.count, bytes[at] != Self.newline { at += 1 }
            } else if peek(0) == Self.slash, peek(1) == Self.star {
                comment()
            } else if let hashes = opening() {
                string(hashes)
            } else {
                if bytes[at] == Self.newline { line += 1 }
                code.append(bytes[at])
                at += 1
            }
        }
    }

    /// How many `#` stand before a quote that begins here; nil where no string begins.
    private func opening() -> Int? {
        var hashes = 0
        while peek(hashes) == Self.hash { hashes += 1 }
        return peek(hashes) == Self.quote ? hashes : nil
    }

    private mutating func step() {
        if bytes[at] == Self.newline {
            line += 1
            code.append(Self.newline)
        }
        at += 1
    }

    private mutating func comment() {
        var depth = 0
        while at < bytes.count {
            if peek(0) == Self.slash, peek(1) == Self.star {
                depth += 1
                at += 2
            } else if peek(0) == Self.star, peek(1) == Self.slash {
                depth -= 1
                at += 2
                if depth == 0 { return }
            } else {
                step()
            }
        }
    }

    private mutating func string(_ hashes: Int) {
        let (first, start) = (line, at + hashes)
        let isLong = start + 2 < bytes.count && bytes[start + 1] == Self.quote && bytes[start + 2] == Self.quote
        let quotes = isLong ? 3 : 1
        code += [Self.quote, Self.quote]
        at = start + quotes
        let begin = at
        var isInterpolated = false
        while at < bytes.count, !closes(quotes, hashes) {
            if bytes[at] == Self.backslash, escapes(hashes) {
                at += 1 + hashes
                if peek(0) == UInt8(ascii: "(") {
                    isInterpolated = true
                    interpolation()
                } else if at < bytes.count {
                    step()
                }
            } else {
                step()
            }
        }
        let text = String(decoding: bytes[begin..<min(at, bytes.count)], as: UTF8.self)
        literals.append(SourceFile.Literal(line: first, text: text, isInterpolated: isInterpolated))
        at += quotes + hashes
    }

    private func closes(_ quotes: Int, _ hashes: Int) -> Bool {
        for place in 0..<quotes where peek(place) != Self.quote { return false }
        for place in 0..<hashes where peek(quotes + place) != Self.hash { return false }
        return true
    }

    private func escapes(_ hashes: Int) -> Bool {
        for place in 0..<hashes where peek(1 + place) != Self.hash { return false }
        return true
    }

    /// From the opening parenthesis to behind the closing one. Strings inside may hold parentheses.
    private mutating func interpolation() {
        var depth = 0
        while at < bytes.count {
            if let hashes = opening() {
                string(hashes)
                continue
            }
            if bytes[at] == UInt8(ascii: "(") { depth += 1 }
            if bytes[at] == UInt8(ascii: ")") {
                depth -= 1
                if depth == 0 {
                    at += 1
                    return
                }
            }
            step()
        }
    }
}

@Suite struct LexerTests {
    @Test func `comments go, strings are emptied, lines stay`() {
        let text = """
            let a = "x // y" // "no"
            /* "b" /* c */
            */ let d = #"raw " \\(no)"#
            let e = "\\(f("}")) g \\" h" + ""
            """
        let file = SourceFile(path: "Sources/Kernel/A.swift", text: text)
        let lines: [String] = file.codeLines.map { String($0) }
        #expect(lines.count == 4)
        #expect(lines[0] == "let a = \"\" ")
        #expect(lines[2] == " let d = \"\"")
        #expect(!file.code.contains("}"))
        #expect(file.literals.map(\.text).contains("x // y"))
        #expect(file.literals.map(\.text).contains("raw \" \\(no)"))
        #expect(file.literals.filter(\.isInterpolated).map(\.line) == [4])
        #expect(file.module == "Kernel" && file.name == "A")
    }

    @Test func `a long string may hold quotes and lines`() {
        let quotes = "\"\"\""
        let file = SourceFile(path: "Sources/Kernel/A.swift", text: "let a = \(quotes)\n  \"b\" {\n  \(quotes)\nlet c = 1\n")
        #expect(file.code == "let a = \"\"\n\n\nlet c = 1\n")
        #expect(file.literals.map(\.text) == ["\n  \"b\" {\n  "])
    }
}
