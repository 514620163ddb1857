import Kernel

/// One setting as it was declared, with what is in force and where that came from.
///
/// `till config` prints these, and docs/configuration.md is made of them.
package struct Setting: Sendable, Equatable {
    package let name: String
    /// What it does, for the person who sets it: one line.
    package let help: String
    /// What a number counts, such as `seconds`; empty for text.
    package let unit: String
    /// Which values are taken, in words.
    package let range: String
    /// The value where nothing is set, or a description of it.
    package let standard: String
    /// What is in force as it was written; nil for a secret.
    package let value: String?
    /// `default`, `--listen`, `TILL_LISTEN`, `LOG_LEVEL` or the configuration file's name.
    package let origin: String

    package var isSecret: Bool { value == nil }

    /// One object of `till config --json`; a secret shows as `•••` once it is set.
    package var json: JSON {
        let shown: JSON = value.map(JSON.string) ?? (origin == Self.standardOrigin ? .null : .string("•••"))
        return .object([
            JSON.Member("name", .string(name)), JSON.Member("value", shown), JSON.Member("origin", .string(origin)),
            JSON.Member("default", .string(standard)), JSON.Member("unit", .string(unit)), JSON.Member("range", .string(range)),
            JSON.Member("help", .string(help)),
        ])
    }

    static let standardOrigin = "default"
}

/// Everything that is wrong with the settings, so that all of it is mended in one go.
package struct InvalidSettings: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence each, naming the setting and where its value came from.
    package let faults: [String]

    package init(faults: [String]) { self.faults = faults }

    package var description: String { faults.joined(separator: "\n") }
}
