/// A JSON value (RFC 8259). Numbers keep their text: nothing here is a float.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// The digits as written, such as `300` or `-1.5e3`.
    case number(String)
    case string(String)
    case array([JSON])
    /// Members in the order written. The reader refuses a key that comes twice.
    case object([Member])

    package struct Member: Sendable, Equatable {
        package let key: String
        package let value: JSON
        package init(_ key: String, _ value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// The member called `key`, or nil where this is no object or has none.
    package subscript(_ key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    package var text: String? { if case .string(let text) = self { text } else { nil } }
    package var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    package var items: [JSON]? { if case .array(let items) = self { items } else { nil } }
    package var members: [Member]? { if case .object(let members) = self { members } else { nil } }
    package var isNull: Bool { self == .null }
    /// The number as a whole one, where it is written as such and fits.
    package var integer: Int64? { if case .number(let digits) = self { Int64(digits) } else { nil } }

    package static func integer(_ value: some BinaryInteger) -> JSON { .number(String(value)) }
    package static func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
    package static func time(_ value: Timestamp?) -> JSON { value.map { .string($0.rfc3339) } ?? .null }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral, ExpressibleByStringInterpolation
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .number(String(value)) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map(Member.init)) }
}

// MARK: - Writing

extension JSON {
    /// UTF-8 without white space, members in their order.
    package var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(512)
        write(to: &out)
        return out
    }

    /// `bytes` as text.
    package var compact: String { String(decoding: bytes, as: UTF8.self) }

    private func write(to out: inout [UInt8]) {
        switch self {
        case .null: out += "null".utf8
        case .bool(let flag): out += (flag ? "true" : "false").utf8
        case .number(let digits): out += digits.utf8
        case .string(let text): Self.write(text, to: &out)
        case .array(let items):
            out.append(UInt8(ascii: "["))
            for (place, item) in items.enumerated() {
                if place > 0 { out.append(UInt8(ascii: ",")) }
                item.write(to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (place, member) in members.enumerated() {
                if place > 0 { out.append(UInt8(ascii: ",")) }
                Self.write(member.key, to: &out)
                out.append(UInt8(ascii: ":"))
                member.value.write(to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)

    private static func write(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): out += [0x5c, 0x22]
            case UInt8(ascii: "\\"): out += [0x5c, 0x5c]
            case 0x0a: out += [0x5c, UInt8(ascii: "n")]
            case 0x0d: out += [0x5c, UInt8(ascii: "r")]
            case 0x09: out += [0x5c, UInt8(ascii: "t")]
            case 0..<0x20: out += Array("\\u00".utf8) + [hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }

    /// Two-space indented text for people, members in their order.
    package var pretty: String {
        var out = ""
        write(to: &out, indent: 0)
        return out
    }

    private func write(to out: inout String, indent: Int) {
        let inner = String(repeating: "  ", count: indent + 1)
        let outer = String(repeating: "  ", count: indent)
        switch self {
        case .array(let items) where !items.isEmpty:
            out += "[\n"
            for (place, item) in items.enumerated() {
                out += inner
                item.write(to: &out, indent: indent + 1)
                out += place < items.count - 1 ? ",\n" : "\n"
            }
            out += outer + "]"
        case .object(let members) where !members.isEmpty:
            out += "{\n"
            for (place, member) in members.enumerated() {
                out += inner + JSON.string(member.key).compact + ": "
                member.value.write(to: &out, indent: indent + 1)
                out += place < members.count - 1 ? ",\n" : "\n"
            }
            out += outer + "}"
        default: out += compact
        }
    }
}
