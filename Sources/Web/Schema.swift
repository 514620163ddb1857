import Kernel

/// Small words for JSON Schema (2020-12), as OpenAPI 3.1 uses it.
enum Schema {
    static let text: JSON = ["type": "string"]
    static let flag: JSON = ["type": "boolean"]
    static let integer: JSON = ["type": "integer"]
    static let time: JSON = ["type": "string", "format": "date-time"]
    static let anyObject: JSON = ["type": "object"]
    static let metadata: JSON = ["type": "object", "maxProperties": 20, "additionalProperties": ["type": "string", "maxLength": 500]]
    static let amount: JSON = object([("amount", decimal), ("currency", text)])
    static let decimal: JSON = ["type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"]

    static func id(_ prefix: String) -> JSON { ["type": "string", "pattern": .string("^\(prefix)_[0-9a-z]{26}$")] }
    static func text(_ length: ClosedRange<Int64>) -> JSON {
        ["type": "string", "minLength": .integer(length.lowerBound), "maxLength": .integer(length.upperBound)]
    }
    static func integer(_ range: ClosedRange<Int64>) -> JSON {
        ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
    }
    static func list(of item: JSON) -> JSON { ["type": "array", "items": item] }
    static func oneOf(_ values: [String]) -> JSON { ["type": "string", "enum": .array(values.map(JSON.string))] }
    static func nullable(_ schema: JSON) -> JSON { ["anyOf": [schema, ["type": "null"]]] }

    /// An object; every property is required but those in `optional`.
    static func object(_ properties: [(String, JSON)], optional: Set<String> = [], isClosed: Bool = false) -> JSON {
        var members: [JSON.Member] = [
            JSON.Member("type", "object"), JSON.Member("properties", .object(properties.map { JSON.Member($0.0, $0.1) })),
        ]
        let required = properties.map(\.0).filter { !optional.contains($0) }
        if !required.isEmpty { members.append(JSON.Member("required", .array(required.map(JSON.string)))) }
        if isClosed { members.append(JSON.Member("additionalProperties", false)) }
        return .object(members)
    }

    /// A request's body: closed, since unknown fields are refused.
    static func request(_ properties: [(String, JSON)], required: Set<String> = []) -> JSON {
        object(properties, optional: Set(properties.map(\.0)).subtracting(required), isClosed: true)
    }

    /// The page of a list.
    static func page(of item: JSON) -> JSON { object([("data", list(of: item)), ("next_cursor", nullable(text))]) }

    static let problem: JSON = object([
        ("type", text), ("title", text), ("status", integer), ("code", text), ("detail", text), ("param", text), ("retryable", flag),
        ("request_id", text),
    ], optional: ["param"])
}

extension Amount {
    /// `{"amount":"12.50","currency":"USD"}`.
    var json: JSON { ["amount": .string(decimal), "currency": .string(asset.code)] }
}
