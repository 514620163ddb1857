import GRDB
import Kernel

/// SQL is written once as text and compiled once per connection: these run it
/// from the connection's cache, which is worth a microsecond or two each time.
extension Database {
    package func run(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    package func row(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> Row? {
        try Row.fetchOne(cachedStatement(sql: sql), arguments: arguments)
    }

    /// The first row as `decode` reads it, without a copy of it in between: for what every request asks.
    package func first<T>(_ sql: String, _ arguments: StatementArguments, _ decode: (Row) throws -> T?) throws -> T? {
        let cursor = try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
        return try cursor.next().flatMap(decode)
    }

    package func rows(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> [Row] {
        try Row.fetchAll(cachedStatement(sql: sql), arguments: arguments)
    }

    /// Runs a move of state and says whether it moved: false when someone else was first.
    package func moved(_ sql: String, _ arguments: StatementArguments) throws -> Bool {
        try run(sql, arguments)
        return changesCount == 1
    }
}

/// Reads a row's columns one after another, in the order of its SELECT.
///
/// By name would read better, and costs a search over all names for each value:
/// more than the query itself for a row of twenty columns.
package struct Columns {
    private let row: Row
    private var at = 0
    package init(_ row: Row) { self.row = row }

    package mutating func next<T: DatabaseValueConvertible>() -> T {
        defer { at += 1 }
        return row[at]
    }
}

extension Timestamp: DatabaseValueConvertible {
    package var databaseValue: DatabaseValue { milliseconds.databaseValue }
    package static func fromDatabaseValue(_ value: DatabaseValue) -> Timestamp? {
        Int64.fromDatabaseValue(value).map(Timestamp.init(milliseconds:))
    }
}

/// A page of a list: newest first, by id, with a cursor to go on.
package struct Page<Item: Sendable>: Sendable {
    package let items: [Item]
    /// The last id shown, or nil where the list ends here.
    package let next: String?

    /// Takes one item more than the page holds, to know whether there is another page.
    package init(_ found: [Item], limit: Int, id: (Item) -> String) {
        items = Array(found.prefix(limit))
        next = found.count > limit ? items.last.map(id) : nil
    }
}

/// Which part of a list is wanted.
package struct PageRequest: Sendable {
    /// Items at most, 1 to 100.
    package let limit: Int
    /// Ids below this one; a text above every id starts at the newest.
    package let before: String

    package init(limit: Int = 20, before: String? = nil) {
        self.limit = limit
        self.before = before ?? "~"
    }
}

/// One question that `till doctor`, drills and tests ask of a file.
package struct AuditQuestion: Sendable {
    /// What is claimed, such as `every entry sums to zero`.
    package let claim: String
    /// Finds what breaks it, a line each, a hundred at most.
    package let faults: @Sendable (Database) throws -> [String]

    package init(_ claim: String, _ faults: @escaping @Sendable (Database) throws -> [String]) {
        self.claim = claim
        self.faults = faults
    }

    /// A question whose SQL lists what is wrong: one text column, a row a fault.
    package init(_ claim: String, sql: String) {
        self.init(claim) { db in try String.fetchAll(db, sql: sql + " LIMIT 100") }
    }
}
