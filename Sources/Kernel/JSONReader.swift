extension JSON {
    /// How deep arrays and objects may nest. x402 bodies need 6.
    package static let depthMax = 32

    /// Reads one JSON document strictly.
    ///
    /// Refused, beyond what RFC 8259 forbids: a key that comes twice in an object,
    /// invalid UTF-8, lone surrogates, nesting beyond `depthMax`, a byte order
    /// mark, and anything after the value. How large a body may be is decided
    /// before it gets here.
    ///
    /// - Throws: `Problem` with `invalid_json`, naming the byte where it stopped.
    package static func read(_ bytes: [UInt8]) throws -> JSON {
        try bytes.withUnsafeBufferPointer { buffer in
            var reader = JSONReader(bytes: buffer)
            return try reader.document()
        }
    }

    package static func read(_ text: String) throws -> JSON { try read(Array(text.utf8)) }
}

/// A recursive descent over bytes that outlive it. Used by `JSON.read` alone.
private struct JSONReader {
    let bytes: UnsafeBufferPointer<UInt8>
    var at = 0

    init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    func fault(_ what: String) -> Problem { Problem(.invalidJSON, "\(what) at byte \(at) of the body.") }

    mutating func document() throws -> JSON {
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard at == bytes.count else { throw fault("There is more after the value") }
        return value
    }

    var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    mutating func skipSpace() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0a || bytes[at] == 0x0d || bytes[at] == 0x09 { at += 1 }
    }

    mutating func value(depth: Int) throws -> JSON {
        guard depth <= JSON.depthMax else { throw fault("Values nest too deep") }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some(let byte) where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte): return try number()
        default: throw fault(at == bytes.count ? "The document ends early" : "A value was expected")
        }
    }

    mutating func word(_ word: StaticString, _ value: JSON) throws -> JSON {
        let count = word.utf8CodeUnitCount
        guard at + count <= bytes.count, (0..<count).allSatisfy({ bytes[at + $0] == word.utf8Start[$0] }) else {
            throw fault("A value was expected")
        }
        at += count
        return value
    }

    mutating func object(depth: Int) throws -> JSON {
        at += 1
        var members: [JSON.Member] = []
        skipSpace()
        if next == UInt8(ascii: "}") {
            at += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw fault("A key was expected") }
            let key = try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw fault("A colon was expected") }
            at += 1
            skipSpace()
            members.append(JSON.Member(key, try value(depth: depth + 1)))
            skipSpace()
            guard next == UInt8(ascii: ",") else { break }
            at += 1
        }
        guard next == UInt8(ascii: "}") else { throw fault("A comma or } was expected") }
        at += 1
        try refuseDoubles(in: members)
        return .object(members)
    }

    /// Comparing all pairs is fastest for the few members that requests have; an
    /// object made to be large goes through a set.
    func refuseDoubles(in members: [JSON.Member]) throws {
        if members.count > 24 {
            guard Set(members.lazy.map(\.key)).count == members.count else { throw fault("An object has the same key twice") }
            return
        }
        for place in members.indices.dropFirst() {
            for earlier in 0..<place where members[earlier].key == members[place].key {
                throw fault("An object has the same key twice")
            }
        }
    }

    mutating func array(depth: Int) throws -> JSON {
        at += 1
        var items: [JSON] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            at += 1
            return .array(items)
        }
        while true {
            skipSpace()
            items.append(try value(depth: depth + 1))
            skipSpace()
            guard next == UInt8(ascii: ",") else { break }
            at += 1
        }
        guard next == UInt8(ascii: "]") else { throw fault("A comma or ] was expected") }
        at += 1
        return .array(items)
    }

    mutating func digits() throws {
        let start = at
        while let byte = next, (0x30...0x39).contains(byte) { at += 1 }
        guard at > start else { throw fault("A digit was expected") }
    }

    mutating func number() throws -> JSON {
        let start = at
        if next == UInt8(ascii: "-") { at += 1 }
        if next == UInt8(ascii: "0") { at += 1 } else { try digits() }
        if next == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            at += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
        return .number(String(decoding: bytes[start..<at], as: UTF8.self))
    }

    mutating func string() throws -> String {
        at += 1
        let start = at
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                guard let text = String(validating: bytes[start..<at], as: UTF8.self) else { throw fault("A string is not UTF-8") }
                at += 1
                return text
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw fault("A string has a control character")
            default: at += 1
            }
        }
        throw fault("A string does not end")
    }

    /// The slow way, taken at the first backslash.
    mutating func escapedString(from start: Int) throws -> String {
        var out = Array(bytes[start..<at])
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: out, as: UTF8.self) else { throw fault("A string is not UTF-8") }
                at += 1
                return text
            case UInt8(ascii: "\\"):
                at += 1
                out += try escape()
            case 0..<0x20: throw fault("A string has a control character")
            default:
                out.append(byte)
                at += 1
            }
        }
        throw fault("A string does not end")
    }

    mutating func escape() throws -> [UInt8] {
        guard let byte = next else { throw fault("A string does not end") }
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw fault("A string has an unknown escape")
        }
    }

    mutating func unicodeEscape() throws -> [UInt8] {
        var code = try hex4()
        if (0xd800...0xdbff).contains(code) {
            guard next == UInt8(ascii: "\\"), at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "u") else { throw fault("A surrogate stands alone") }
            at += 2
            let low = try hex4()
            guard (0xdc00...0xdfff).contains(low) else { throw fault("A surrogate stands alone") }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fault("A surrogate stands alone") }
        return Array(String(Character(scalar)).utf8)
    }

    mutating func hex4() throws -> UInt32 {
        guard at + 4 <= bytes.count else { throw fault("A string does not end") }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Hex.digit(bytes[at]) else { throw fault("An escape needs four hexadecimal digits") }
            code = code << 4 | UInt32(digit)
            at += 1
        }
        return code
    }
}
