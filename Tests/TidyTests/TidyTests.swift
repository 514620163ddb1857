import Foundation
import Testing

/// House rules a compiler cannot check. A rule lives here or it is not a rule.
@Suite struct TidyTests {
    static let sources = SourceFile.shipped

    @Test func `there is something to read`() { #expect(Self.sources.count > 90) }

    /// What only the real world's own files may touch, and where everyone else finds it.
    static let doors: [(door: String, instead: String)] = [
        ("Date()", "world.time"), ("Date.now", "world.time"), ("ContinuousClock", "world.time"), ("SuspendingClock", "world.time"),
        ("DispatchTime", "world.time"), ("clock_gettime", "world.time"), ("gettimeofday", "world.time"), ("Task.sleep", "world.time"),
        ("Thread.sleep", "world.time"), ("usleep(", "world.time"),
        ("UUID()", "world.newID"), (".random(", "world.chance"), ("randomElement", "world.chance"), (".shuffled()", "world.chance"),
        ("SystemRandomNumberGenerator", "world.chance"), ("getentropy", "world.chance"), ("AES.GCM.Nonce()", "world.chance"),
        ("SymmetricKey(size:", "world.chance"),
        ("FileManager", "world.disk"), ("contentsOfFile", "world.disk"), ("fopen(", "world.disk"),
        ("URLSession", "world.network"), ("HTTPClient(", "world.network"),
        ("ProcessInfo", "LiveProcess"), ("getenv(", "LiveProcess"), ("getuid(", "LiveProcess"), ("getpid(", "LiveProcess"),
    ]

    @Test("only Appliance/Live….swift touches the real world", arguments: sources.filter { !$0.path.hasPrefix("Sources/Appliance/Live") })
    func staysInside(_ file: SourceFile) {
        for (door, instead) in Self.doors {
            #expect(!file.code.contains(door), "\(door) in \(file.path): take it from \(instead)")
        }
    }

    /// Endings that say nothing of what a thing is.
    static let vague: [String] = [
        "Manager", "Helper", "Helpers", "Util", "Utils", "Utilities", "Common", "Misc", "Base", "Impl", "Service", "Provider", "Factory",
        "Wrapper", "Processor", "Singleton", "Registry",
    ]

    @Test("names say what a thing is", arguments: sources)
    func namesAreNouns(_ file: SourceFile) {
        var names: [String] = [file.name]
        for match in file.code.matches(of: #/(?:struct|class|enum|protocol|actor|typealias) (\w+)/#) { names.append(String(match.output.1)) }
        for name in names {
            for ending in Self.vague {
                #expect(!name.hasSuffix(ending), "\(name) in \(file.path)")
            }
            #expect(!name.hasSuffix("+Extensions") && !name.contains("+"), "\(file.path): an extension stands in the file that needs it")
        }
    }

    /// Words that quiet the compiler or put work off, and what to write instead.
    static let banned: [(word: String, instead: String)] = [
        ("public", "package"), ("fatalError", "precondition, or throw"), ("assumeIsolated", "await"), ("unowned", "a strong reference"),
        ("unsafeBitCast", "a conversion"), ("preconcurrency", "Sendable"), ("XCTest", "Testing"),
    ]

    @Test("nothing quiets the compiler or is put off", arguments: sources)
    func isFinished(_ file: SourceFile) {
        let words = file.words
        for (word, instead) in Self.banned {
            #expect(!words.contains(Substring(word)), "\(word) in \(file.path): \(instead)")
        }
        for text in ["open class ", "open func ", "open var ", "try!", "as!", "@unchecked Sendable"] {
            #expect(!file.code.contains(text), "\(text) in \(file.path)")
        }
        for text in ["TODO", "FIXME", "XXX", "HACK"] {
            #expect(!file.text.contains(text), "\(text) in \(file.path): do it, or open an issue")
        }
    }

    @Test("nothing is unwrapped by force", arguments: sources)
    func unwraps(_ file: SourceFile) {
        for (number, line) in file.codeLines.enumerated() {
            let bytes = Array(line.utf8)
            for place in bytes.indices.dropFirst() where bytes[place] == UInt8(ascii: "!") {
                let before = bytes[place - 1]
                let after = place + 1 < bytes.count ? bytes[place + 1] : 0
                let endsAValue = before == UInt8(ascii: ")") || before == UInt8(ascii: "]") || before == UInt8(ascii: "_") || Self.isWord(before)
                #expect(!endsAValue || after == UInt8(ascii: "="), "\(file.path):\(number + 1): \(line)")
            }
        }
    }

    static func isWord(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) }

    @Test("nonisolated(unsafe) gives its reason", arguments: sources)
    func unsafeHasAReason(_ file: SourceFile) {
        let lines = file.lines
        for (number, line) in file.codeLines.enumerated() where line.contains("nonisolated(unsafe)") {
            let above = number > 0 ? lines[number - 1].drop { $0 == " " } : ""
            #expect(lines[number].contains("// ") || above.hasPrefix("//"), "\(file.path):\(number + 1) says why in a comment")
        }
    }

    static let fileLinesMax = 400
    static let functionLinesMax = 80

    @Test("files and functions fit into a head", arguments: sources)
    func isShort(_ file: SourceFile) {
        #expect(file.lines.count <= Self.fileLinesMax, "\(file.path) has \(file.lines.count) lines")
        for function in Self.functions(in: file) {
            #expect(function.count <= Self.functionLinesMax, "\(file.path):\(function.line) is a function of \(function.count) lines")
        }
    }

    /// A function's first line and how many lines it has, by its braces.
    static func functions(in file: SourceFile) -> [(line: Int, count: Int)] {
        struct Open {
            let line: Int
            let depth: Int
            var hasBody = false
        }
        let modifiers: Set<Substring> = ["package", "private", "fileprivate", "convenience", "required", "override"]
        var found: [(line: Int, count: Int)] = []
        var open: [Open] = []
        var depth = 0
        for (number, line) in file.codeLines.enumerated() {
            let words = line.split(separator: " ")
            let begins = words.first { !modifiers.contains($0) } ?? ""
            if words.contains("func") || begins.hasPrefix("init(") || begins.hasPrefix("init?(") {
                // The one before was a protocol's requirement: it has no body.
                if let last = open.last, !last.hasBody, last.depth == depth { open.removeLast() }
                open.append(Open(line: number + 1, depth: depth))
            }
            for byte in line.utf8 {
                if byte == UInt8(ascii: "{") {
                    depth += 1
                    if let last = open.indices.last { open[last].hasBody = true }
                } else if byte == UInt8(ascii: "}") {
                    depth -= 1
                    while let last = open.last, last.hasBody ? depth <= last.depth : depth < last.depth {
                        open.removeLast()
                        if last.hasBody { found.append((line: last.line, count: number + 2 - last.line)) }
                    }
                }
            }
        }
        return found
    }

    @Test func `functions are measured from their first line to their last brace`() {
        let text = """
            protocol A {
                func required()
                init()
            }
            package struct B {
                package init() {}
                func one() {
                    if true { two() }
                }
                private func two(
                    _ a: Int
                ) {
                }
            }
            """
        let found = Self.functions(in: SourceFile(path: "Sources/Kernel/A.swift", text: text))
        #expect(found.map(\.line) == [6, 7, 10])
        #expect(found.map(\.count) == [1, 3, 4])
    }

    /// A list of migrations speaks SQL and needs no introduction; a nested type is introduced by the one around it.
    @Test("a type that others use says what it is", arguments: sources)
    func typesAreIntroduced(_ file: SourceFile) {
        let lines = file.lines
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "actor", "typealias"]
        for (number, line) in file.codeLines.enumerated() where line.hasPrefix("package ") || line.hasPrefix("final package ") {
            let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
            guard let kind = words.firstIndex(where: { kinds.contains($0) }), kind <= 2, kind + 1 < words.count else { continue }
            guard !words.prefix(kind).contains("func"), !words[kind + 1].hasSuffix("Schema") else { continue }
            var above = number - 1
            while above >= 0, lines[above].hasPrefix("@") { above -= 1 }
            #expect(above >= 0 && lines[above].hasPrefix("///"), "\(file.path):\(number + 1): \(line)")
        }
    }

    /// SQL that is put together from Swift values, and why that is safe. All else is bound as arguments.
    static let composed: [(path: String, part: String)] = [
        // The raw values of an enum without associated values, so that the index on (kind, reference) is used.
        ("Sources/Ledger/LedgerReading.swift", #"kind IN (\(kinds))"#),
        // The raw values of `Payment.Status`.
        ("Sources/Payments/Payment.swift", #"status IN (\(states))"#),
    ]

    @Test("values reach SQL as arguments", arguments: sources)
    func bindsItsValues(_ file: SourceFile) {
        let words: Set<Substring> = ["SELECT", "INSERT", "UPDATE", "DELETE", "VALUES", "WHERE", "PRAGMA", "VACUUM", "ATTACH", "ALTER"]
        let allowed = Self.composed.filter { $0.path == file.path }.map(\.part)
        for literal in file.literals where literal.isInterpolated {
            guard !words.isDisjoint(with: literal.text.split { !$0.isLetter }) else { continue }
            #expect(allowed.contains { literal.text.contains($0) }, "\(file.path):\(literal.line): \(literal.text)")
        }
    }

    @Test func `what may be composed is still there`() {
        for exception in Self.composed {
            let file = Self.sources.first { $0.path == exception.path }
            #expect(file?.literals.contains { $0.text.contains(exception.part) } == true, "\(exception.path): \(exception.part)")
        }
    }

    /// The floors of the house, from the ground up. See docs/architecture.md.
    static let floors: [String: Int] = [
        "Kernel": 0, "Storage": 1, "Rails": 1, "Access": 2, "Ledger": 2, "Goods": 2, "Webhooks": 2, "Sandbox": 2, "Payments": 3, "Web": 4,
        "web": 4, "Appliance": 5, "till": 6,
    ]

    /// Each table is created by one module, and no other module's SQL names it. A `REFERENCES` may point
    /// to a lower floor, and everything may refer to whose it is: a seller.
    @Test func `tables stay with their module`() {
        var owners: [String: String] = [:]
        for file in Self.sources {
            for match in file.text.matches(of: #/CREATE (?:VIRTUAL )?TABLE (?:IF NOT EXISTS )?(\w+)/#) {
                let table = String(match.output.1)
                #expect(owners[table] == nil, "\(table) is created twice")
                owners[table] = file.module
            }
        }
        #expect(owners.count > 15)
        for file in Self.sources {
            for literal in file.literals {
                for match in literal.text.matches(of: #/(FROM|JOIN|INTO|UPDATE|TABLE|ON|REFERENCES) +(\w+)/#) {
                    guard let owner = owners[String(match.output.2)], owner != file.module else { continue }
                    let isBelow = (Self.floors[owner] ?? 9) < (Self.floors[file.module] ?? 0)
                    #expect(
                        match.output.1 == "REFERENCES" && (isBelow || owner == "Access"),
                        "\(file.path):\(literal.line) names \(match.output.2), which belongs to \(owner)")
                }
            }
        }
    }

    /// Where each outside package lives: folders, or single files. An import anywhere else lets it move in.
    static let homes: [String: [String]] = [
        "ArgumentParser": ["Sources/Appliance/"],
        "BigInt": ["Sources/Rails/UInt256"],
        "CCurl": ["Sources/Appliance/CurlNetwork"],
        "CQREncode": ["Sources/Web/QRCode"],
        "CSecp256k1": ["Sources/Rails/Secp256k1"],
        "CZlib": ["Sources/Web/PNG"],
        "Configuration": ["Sources/Appliance/"],
        "Crypto": ["Sources/Storage/", "Sources/Access/", "Sources/Web/"],
        "CryptoExtras": ["Sources/Access/"],
        "Foundation": ["Sources/Storage/", "Sources/Access/", "Sources/Payments/", "Sources/Web/", "Sources/Appliance/", "Sources/till/"],
        "GRDB": [
            "Sources/Storage/", "Sources/Access/", "Sources/Ledger/", "Sources/Goods/", "Sources/Webhooks/", "Sources/Sandbox/",
            "Sources/Payments/", "Sources/Web/", "Sources/Appliance/",
        ],
        "GRDBSQLite": ["Sources/Storage/"],
        "Glibc": ["Sources/Appliance/Live", "Sources/Appliance/ControlSocket", "Sources/till/"],
        "HTTPTypes": ["Sources/Web/", "Sources/Appliance/"],
        "Hummingbird": ["Sources/Web/", "Sources/Appliance/ControlSocket"],
        "HummingbirdCore": ["Sources/Web/"],
        "Logging": ["Sources/Web/", "Sources/Appliance/"],
        "Mustache": ["Sources/Web/Pages/"],
        "NIOCore": ["Sources/Web/", "Sources/Appliance/"],
        "NIOHTTP1": ["Sources/Web/"],
        "NIOHTTPTypes": ["Sources/Web/"],
        "NIOPosix": ["Sources/Appliance/CurlNetwork", "Sources/Appliance/ControlSocket"],
        "ServiceLifecycle": ["Sources/Web/", "Sources/Appliance/"],
        "Synchronization": ["Sources/"],
        "UnixSignals": ["Sources/Appliance/"],
    ]

    @Test("packages of others stay in their home", arguments: sources)
    func packagesStayHome(_ file: SourceFile) {
        for module in file.imports where Self.floors[module] == nil && module != "WebAssets" {
            guard let homes = Self.homes[module] else {
                Issue.record("\(file.path) imports \(module): give it a home in this table, or do without")
                continue
            }
            #expect(homes.contains { file.path.hasPrefix($0) }, "\(file.path) imports \(module)")
        }
    }

    @Test("imports point down", arguments: sources)
    func importsPointDown(_ file: SourceFile) {
        let own = Self.floors[file.module]
        #expect(own != nil, "\(file.module) stands on no floor: add it to the table")
        for module in file.imports {
            guard let floor = Self.floors[module], let own else { continue }
            #expect(floor < own, "\(file.path) imports \(module)")
        }
    }
}
