/// Reads the fields of a request's object, one by one, and refuses what is left.
///
/// Every reader names the field in its problem, so that a caller sees which one
/// to mend. Call `finish()` last: it refuses fields that nothing asked for.
package struct Fields {
    private let members: [JSON.Member]
    private let path: String
    private var asked: Set<String> = []

    /// - Parameter path: Where the object stands in the body, such as `price`.
    package init(_ json: JSON, at path: String = "") throws {
        guard case .object(let members) = json else {
            throw Problem(.invalidField, path.isEmpty ? "The body must be a JSON object." : "\(path) must be an object.", param: path.isEmpty ? nil : path)
        }
        self.members = members
        self.path = path
    }

    /// The field's full name, such as `price.amount`.
    package func name(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

    /// The value of `key`; explicit null counts as absent.
    package mutating func value(_ key: String) -> JSON? {
        asked.insert(key)
        guard let value = members.first(where: { $0.key == key })?.value, value != .null else { return nil }
        return value
    }

    /// Whether the body names `key` at all, null included.
    package func has(_ key: String) -> Bool { members.contains { $0.key == key } }

    package func invalid(_ key: String, _ rule: String) -> Problem {
        Problem(.invalidField, "\(name(key)) must be \(rule).", param: name(key))
    }

    package func missing(_ key: String) -> Problem {
        Problem(.missingField, "\(name(key)) is required.", param: name(key))
    }

    /// Text of `length` characters. Control characters are refused, but for line
    /// breaks and tabs where `lines` allows them.
    package mutating func text(_ key: String, _ length: ClosedRange<Int>, lines: Bool = false) throws -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value.text, length.contains(text.unicodeScalars.count) else {
            throw invalid(key, "text of \(length.lowerBound) to \(length.upperBound) characters")
        }
        let clean = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f || lines && ($0 == "\n" || $0 == "\t" || $0 == "\r") }
        guard clean else { throw invalid(key, "text without control characters") }
        return text
    }

    package mutating func flag(_ key: String) throws -> Bool? {
        guard let value = value(key) else { return nil }
        guard let flag = value.flag else { throw invalid(key, "true or false") }
        return flag
    }

    package mutating func integer(_ key: String, _ range: ClosedRange<Int64>) throws -> Int64? {
        guard let value = value(key) else { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw invalid(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    package mutating func time(_ key: String) throws -> Timestamp? {
        guard let value = value(key) else { return nil }
        guard let text = value.text, let time = Timestamp(rfc3339: text) else {
            throw invalid(key, "a time such as 2026-11-15T20:30:00.000Z (RFC 3339, UTC)")
        }
        return time
    }

    /// `{"amount":"12.50","currency":"USD"}`.
    package mutating func amount(_ key: String) throws -> Amount? {
        guard let value = value(key) else { return nil }
        var fields = try Fields(value, at: name(key))
        guard let code = try fields.text("currency", 1...12) else { throw fields.missing("currency") }
        guard let asset = Asset.named(code) else {
            throw fields.invalid("currency", "one of \(Asset.all.map(\.code).joined(separator: ", "))")
        }
        guard let text = try fields.text("amount", 1...32) else { throw fields.missing("amount") }
        try fields.finish()
        return try Amount(decimal: text, asset, param: fields.name("amount"))
    }

    /// Free pairs a seller keeps with an object: at most 20, keys of 1–40 and
    /// values of at most 500 characters, all text.
    package mutating func metadata(_ key: String) throws -> JSON? {
        guard let value = value(key) else { return nil }
        let rule = "an object of at most 20 texts, keys up to 40 and values up to 500 characters"
        guard let members = value.members, members.count <= 20 else { throw invalid(key, rule) }
        for member in members {
            guard (1...40).contains(member.key.count), let text = member.value.text, text.count <= 500 else { throw invalid(key, rule) }
        }
        return value
    }

    /// Refuses a field that nothing asked for: most are typing errors.
    package func finish() throws {
        guard let stray = members.first(where: { !asked.contains($0.key) }) else { return }
        throw Problem(
            .unknownField, "\(name(stray.key)) is not a field of this request. It has: \(asked.sorted().joined(separator: ", ")).",
            param: name(stray.key))
    }
}
