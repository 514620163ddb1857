import Kernel
import Logging

/// Writes each log message as one line of JSON.
///
/// `{"time":"…","level":"info","message":"ready","label":"till","url":"…"}`: the four
/// fixed fields first, then metadata by name, nested names joined by a point.
/// JSON's own escapes keep a message on its line. A `Secret` prints as `•••`.
package struct JSONLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let time: any Time
    private let write: @Sendable ([UInt8]) -> Void

    private static let fixed: Set<String> = ["time", "level", "message", "label", "error"]

    /// - Parameter write: Takes one line, without its line break.
    package init(
        label: String, level: Logger.Level, time: any Time, write: @escaping @Sendable ([UInt8]) -> Void = { LiveProcess.printLine($0) }
    ) {
        self.label = label
        self.logLevel = level
        self.time = time
        self.write = write
    }

    /// Makes every logger of the process write so. Once in a process.
    package static func install(level: Logger.Level, time: any Time) {
        LoggingSystem.bootstrap { label in JSONLogHandler(label: label, level: level, time: time) }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var members: [JSON.Member] = [
            JSON.Member("time", .time(time.now())),
            JSON.Member("level", .string(event.level.rawValue)),
            JSON.Member("message", .string("\(event.message)")),
            JSON.Member("label", .string(label)),
        ]
        if let error = event.error { members.append(JSON.Member("error", .string("\(error)"))) }
        var all: Logger.Metadata = metadataProvider?.get() ?? [:]
        all.merge(metadata) { _, own in own }
        all.merge(event.metadata ?? [:]) { _, own in own }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            // A name of ours is never written twice: readers differ in which one they keep.
            let taken = Self.fixed.contains(key) && (key != "error" || event.error != nil)
            Self.flatten(value, name: taken ? "metadata." + key : key, into: &members)
        }
        write(JSON.object(members).bytes)
    }

    private static func flatten(_ value: Logger.MetadataValue, name: String, into members: inout [JSON.Member]) {
        if case .dictionary(let nested) = value {
            for (key, inner) in nested.sorted(by: { $0.key < $1.key }) { flatten(inner, name: name + "." + key, into: &members) }
        } else {
            members.append(JSON.Member(name, json(value)))
        }
    }

    private static func json(_ value: Logger.MetadataValue) -> JSON {
        switch value {
        case .string(let text): .string(text)
        case .stringConvertible(let value): .string(value.description)
        case .array(let items): .array(items.map(json))
        case .dictionary(let nested): .object(nested.sorted { $0.key < $1.key }.map { JSON.Member($0.key, json($0.value)) })
        }
    }
}
