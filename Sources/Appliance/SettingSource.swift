import Configuration
import Kernel

/// Reads settings by name, and remembers what it was asked for.
///
/// Asking is declaring: a name nothing asked for is unknown. The first source that
/// has a name wins: command line, `TILL_…` variables, the configuration file, the
/// older variable names in `aliases`, then the default.
package struct SettingSource {
    /// Variable names that sellers bring along, and the settings they mean. One
    /// that is empty counts as absent: it may be there for another program.
    package static let aliases: [(variable: String, setting: String)] = [
        ("BACKUP_PATH", "backups"), ("ALLOWED_ORIGINS", "allowed_origins"), ("LOG_LEVEL", "log_level"),
    ]

    private struct Layer {
        let reader: ConfigReader
        let origin: (String) -> String
    }

    /// What was declared so far, in order.
    package private(set) var settings: [Setting] = []
    private var faults: [String]
    private let layers: [Layer]
    private let variables: [String]
    private let fileKeys: [String]
    private let fileName: String

    /// - Parameters:
    ///   - flags: By setting name, from the command line.
    ///   - environment: All of it; other programs' variables are passed over.
    ///   - file: A JSON object of settings by name, read strictly.
    package init(flags: [String: String] = [:], environment: [String: String] = [:], file: (name: String, bytes: [UInt8])? = nil) {
        let (values, faults) = Self.values(of: file)
        self.faults = faults
        fileName = file?.name ?? ""
        fileKeys = values.keys.sorted()
        variables = environment.keys.filter { $0.hasPrefix("TILL_") }.sorted()
        var older: [String: String] = [:]
        var names: [String: String] = [:]
        for alias in Self.aliases {
            guard let value = environment[alias.variable], !value.isEmpty else { continue }
            older[alias.setting] = value
            names[alias.setting] = alias.variable
        }
        let olderNames = names
        let name = fileName
        let own = EnvironmentVariablesProvider(environmentVariables: environment, secretsSpecifier: .all)
        layers = [
            Layer(reader: Self.reader(of: flags)) { Self.flag($0) },
            Layer(reader: ConfigReader(provider: own).scoped(to: ConfigKey(["till"]))) { Self.variable($0) },
            Layer(reader: Self.reader(of: values)) { _ in name },
            Layer(reader: Self.reader(of: older)) { olderNames[$0] ?? "" },
        ]
    }

    /// The sources of a start: `--config` or `TILL_CONFIG` names the file, if any.
    ///
    /// - Throws: `InvalidSettings` where the named file is not there or cannot be read.
    package static func open(flags: [String: String], environment: [String: String], disk: any Disk) throws -> SettingSource {
        guard let path = flags["config"] ?? environment["TILL_CONFIG"], !path.isEmpty else {
            return SettingSource(flags: flags, environment: environment)
        }
        do {
            guard let bytes = try disk.read(path) else { throw InvalidSettings(faults: ["The configuration file \(path) does not exist."]) }
            return SettingSource(flags: flags, environment: environment, file: (name: path, bytes: bytes))
        } catch let failure as DiskFailure {
            throw InvalidSettings(faults: ["The configuration file \(path) cannot be read: \(failure.reason)."])
        }
    }

    mutating func text(
        _ name: String, _ standard: String, shown: String? = nil, range: String = "text", help: String, check: (String) -> Bool = { !$0.isEmpty }
    ) -> String {
        let found = find(name)
        let value = found.value ?? standard
        declare(name, help: help, range: range, standard: shown ?? standard, value: value, origin: found.origin)
        if found.value != nil, !check(value) { refuse(name, value, from: found.origin, range) }
        return value
    }

    mutating func count(_ name: String, _ standard: Int, in range: ClosedRange<Int>, unit: String, help: String) -> Int {
        let found = find(name)
        let value = found.value ?? String(standard)
        declare(
            name, help: help, unit: unit, range: "\(range.lowerBound) to \(range.upperBound)", standard: String(standard), value: value,
            origin: found.origin)
        if let number = Self.number(value), range.contains(number) { return number }
        refuse(name, value, from: found.origin, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        return standard
    }

    mutating func seconds(_ name: String, _ standard: Int, in range: ClosedRange<Int>, help: String) -> Duration {
        .seconds(count(name, standard, in: range, unit: "seconds", help: help))
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _ standard: Choice, shown: String? = nil, help: String) -> Choice
    where Choice.RawValue == String {
        let range = Choice.allCases.map { $0.rawValue }.joined(separator: ", ")
        let found = find(name)
        let value = found.value ?? standard.rawValue
        declare(name, help: help, range: range, standard: shown ?? standard.rawValue, value: value, origin: found.origin)
        if let choice = Choice(rawValue: value.lowercased()) { return choice }
        refuse(name, value, from: found.origin, "one of \(range)")
        return standard
    }

    /// A comma-separated list, empty by default. `element` gives an item's canonical
    /// form, or nil where it cannot be taken.
    mutating func list(_ name: String, range: String, help: String, element: (String) -> String?) -> [String] {
        let found = find(name)
        declare(name, help: help, range: "comma-separated \(range)", standard: "", value: found.value ?? "", origin: found.origin)
        var items: [String] = []
        for part in (found.value ?? "").split(separator: ",") {
            let text = Self.trimmed(part)
            if text.isEmpty { continue }
            if let item = element(text) {
                items.append(item)
            } else {
                refuse(name, text, from: found.origin, range)
            }
        }
        return items
    }

    /// A value that is never shown, not even in its own fault.
    mutating func secret<Value: Sendable>(_ name: String, range: String, help: String, parse: (String) -> Value?) -> Secret<Value>? {
        let found = find(name)
        declare(name, help: help, range: range, standard: "", value: nil, origin: found.origin)
        guard let text = found.value else { return nil }
        if let value = parse(text) { return Secret(value) }
        faults.append("\(name) (\(found.origin)) must be \(range).")
        return nil
    }

    /// Adds a fault that concerns more than one setting, as a whole sentence.
    mutating func refuse(_ fault: String) { faults.append(fault) }

    /// - Throws: `InvalidSettings` with every fault at once, unknown names included.
    mutating func finish() throws {
        let known = settings.map { $0.name }
        for variable in variables where !known.contains(where: { Self.variable($0) == variable }) {
            let nearest = Self.nearest(to: variable, among: known.map { Self.variable($0) })
            faults.append("\(variable) is not a setting of Till. Did you mean \(nearest)?")
        }
        for key in fileKeys where !known.contains(key) {
            faults.append("\(key) in \(fileName) is not a setting of Till. Did you mean \(Self.nearest(to: key, among: known))?")
        }
        if !faults.isEmpty { throw InvalidSettings(faults: faults) }
    }

    private func find(_ name: String) -> (value: String?, origin: String) {
        for layer in layers {
            if let value = layer.reader.string(forKey: ConfigKey([name]), isSecret: true) { return (value, layer.origin(name)) }
        }
        return (nil, Setting.standardOrigin)
    }

    private mutating func declare(
        _ name: String, help: String, unit: String = "", range: String, standard: String, value: String?, origin: String
    ) {
        precondition(!settings.contains { $0.name == name }, "\(name) is declared twice")
        settings.append(Setting(name: name, help: help, unit: unit, range: range, standard: standard, value: value, origin: origin))
    }

    private mutating func refuse(_ name: String, _ value: String, from origin: String, _ range: String) {
        faults.append("\(name) is \"\(value)\" (\(origin)); it must be \(range).")
    }
}

/// Names in their three spellings, and what a file says.
extension SettingSource {
    /// `seller_name` → `TILL_SELLER_NAME`.
    static func variable(_ name: String) -> String { "TILL_" + name.uppercased() }

    /// `seller_name` → `--seller-name`.
    static func flag(_ name: String) -> String { "--" + name.split(separator: "_").joined(separator: "-") }

    private static func number(_ text: String) -> Int? {
        // Int(_:) alone would take a plus sign.
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }

    private static func trimmed(_ text: Substring) -> String {
        var rest = text
        while rest.first == " " { rest = rest.dropFirst() }
        while rest.last == " " { rest = rest.dropLast() }
        return String(rest)
    }

    private static func reader(of values: [String: String]) -> ConfigReader {
        var held: [AbsoluteConfigKey: ConfigValue] = [:]
        for (name, value) in values { held[AbsoluteConfigKey([name], context: [:])] = ConfigValue(.string(value), isSecret: true) }
        return ConfigReader(provider: InMemoryProvider(values: held))
    }

    private static func values(of file: (name: String, bytes: [UInt8])?) -> (values: [String: String], faults: [String]) {
        guard let file else { return ([:], []) }
        let json: JSON
        do {
            json = try JSON.read(file.bytes)
        } catch let problem as Problem {
            return ([:], ["\(file.name) is not JSON that Till reads: \(problem.detail)"])
        } catch {
            return ([:], ["\(file.name) is not JSON that Till reads."])
        }
        guard let members = json.members else { return ([:], ["\(file.name) must hold one JSON object of settings by name."]) }
        var values: [String: String] = [:]
        var faults: [String] = []
        for member in members {
            if member.key == "config" {
                faults.append("config in \(file.name) has no meaning: this is the file it would name.")
            } else if let text = plain(member.value) {
                values[member.key] = text
            } else {
                faults.append("\(member.key) in \(file.name) must be text, a number, true, false or a list of texts.")
            }
        }
        return (values, faults)
    }

    private static func plain(_ value: JSON) -> String? {
        switch value {
        case .string(let text): return text
        case .number(let digits): return digits
        case .bool(let flag): return flag ? "true" : "false"
        case .array(let items):
            let texts = items.compactMap { $0.text }
            return texts.count == items.count ? texts.joined(separator: ",") : nil
        case .null, .object: return nil
        }
    }

    /// The name that takes the fewest edits to reach.
    static func nearest(to name: String, among names: [String]) -> String {
        var best = (name: "", edits: Int.max)
        for candidate in names {
            let edits = distance(Array(name.utf8), Array(candidate.utf8))
            if edits < best.edits { best = (name: candidate, edits: edits) }
        }
        return best.name
    }

    /// Levenshtein's distance: how many letters to add, drop or change.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let changed = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(changed, min(row[j], row[j + 1]) + 1)
            }
        }
        return row[b.count]
    }
}
