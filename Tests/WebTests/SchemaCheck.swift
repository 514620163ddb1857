import Foundation
import Kernel

/// Checks a value against a schema, in the words of JSON Schema that Till uses.
///
/// Stricter than the standard in one thing: an object may have no member that its
/// schema does not describe, so that no field goes undocumented.
enum SchemaCheck {
    /// What does not fit, a line each; empty where all does.
    static func faults(_ value: JSON, _ schema: JSON, at path: String = "$") -> [String] {
        if let choices = schema["anyOf"]?.items {
            let found: [[String]] = choices.map { faults(value, $0, at: path) }
            return found.contains { $0.isEmpty } ? [] : found.flatMap { $0 }
        }
        if let type = schema["type"]?.text, !isA(type, value) { return ["\(path) is no \(type): \(value.compact)"] }
        var found: [String] = []
        if let allowed = schema["enum"]?.items, !allowed.contains(value) { found.append("\(path) is none of the values: \(value.compact)") }
        if let text = value.text { found += textFaults(text, schema, at: path) }
        if let members = value.members { found += memberFaults(members, schema, at: path) }
        if let item = schema["items"], let items = value.items {
            for (place, element) in items.enumerated() { found += faults(element, item, at: "\(path)[\(place)]") }
        }
        return found
    }

    private static func isA(_ type: String, _ value: JSON) -> Bool {
        switch type {
        case "string": value.text != nil
        case "boolean": value.flag != nil
        case "integer": value.integer != nil
        case "array": value.items != nil
        case "object": value.members != nil
        case "null": value.isNull
        default: false
        }
    }

    private static func textFaults(_ text: String, _ schema: JSON, at path: String) -> [String] {
        var found: [String] = []
        if let pattern = schema["pattern"]?.text, text.range(of: pattern, options: .regularExpression) == nil {
            found.append("\(path) is not \(pattern): \(text)")
        }
        if schema["format"]?.text == "date-time", Timestamp(rfc3339: text) == nil { found.append("\(path) is no time: \(text)") }
        return found
    }

    private static func memberFaults(_ members: [JSON.Member], _ schema: JSON, at path: String) -> [String] {
        var found: [String] = []
        for name in schema["required"]?.items?.compactMap(\.text) ?? [] where !members.contains(where: { $0.key == name }) {
            found.append("\(path).\(name) is missing")
        }
        let properties = schema["properties"]?.members
        let others = schema["additionalProperties"]
        for member in members {
            if let property = properties?.first(where: { $0.key == member.key }) {
                found += faults(member.value, property.value, at: path + "." + member.key)
            } else if let others, others.members != nil {
                found += faults(member.value, others, at: path + "." + member.key)
            } else if properties != nil {
                found.append("\(path).\(member.key) is not described")
            }
        }
        return found
    }
}
