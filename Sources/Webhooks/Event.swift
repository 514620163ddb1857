import GRDB
import Kernel
import Storage

/// Something that happened, kept for ever. The feed and every webhook show the same rows.
package struct Event: Sendable {
    package let sequence: Int64
    package let id: String
    package let type: String
    package let sellerID: String
    package let livemode: Bool
    package let resourceType: String
    package let resourceID: String
    /// A JSON object, as it was recorded.
    package let payload: String
    package let timestamp: Timestamp
}

extension Event {
    /// An event about to be recorded.
    package struct Draft: Sendable {
        let type: EventType
        let resource: (type: String, id: String)
        let payload: JSON

        package init(_ type: EventType, of resource: (type: String, id: String), payload: JSON) {
            self.type = type
            self.resource = resource
            self.payload = payload
        }
    }

    /// Records what one fact brought about, in the transaction of the fact, so that neither exists alone.
    ///
    /// One statement for all of them: a sale has six events, and they are the most that it writes.
    package static func record(_ drafts: [Draft], sellerID: String, livemode: Bool, world: World, in db: Database) throws {
        let now = world.time.now().milliseconds
        var arguments: [(any DatabaseValueConvertible)?] = []
        arguments.reserveCapacity(drafts.count * 8)
        for draft in drafts {
            arguments += [
                world.newID(.event), draft.type.rawValue, sellerID, livemode, draft.resource.type, draft.resource.id, draft.payload.compact, now,
            ]
        }
        try db.run(insertSQL[drafts.count], StatementArguments(arguments))
    }

    package static func record(
        _ type: EventType, sellerID: String, livemode: Bool, resource: (type: String, id: String), payload: JSON, world: World, in db: Database
    ) throws {
        try record([Draft(type, of: resource, payload: payload)], sellerID: sellerID, livemode: livemode, world: world, in: db)
    }

    /// By the number of rows, up to the most that one fact records.
    private static let insertSQL: [String] = (0...4).map { count in
        "INSERT INTO webhook_events (id, event_type, seller_id, livemode, resource_type, resource_id, payload, timestamp) VALUES "
            + Array(repeating: "(?, ?, ?, ?, ?, ?, ?, ?)", count: count).joined(separator: ", ")
    }

    /// The feed after one event, oldest first.
    ///
    /// - Parameter after: An event's id; nil starts at the first.
    /// - Throws: `Problem` with `invalid_cursor` for an id that is none of this seller's events.
    package static func feed(sellerID: String, livemode: Bool, after: String?, named param: String = "after", limit: Int, in db: Database) throws -> [Event] {
        var start: Int64 = 0
        if let after {
            let row = try db.row("SELECT sequence FROM webhook_events WHERE id = ? AND seller_id = ? AND livemode = ?", [after, sellerID, livemode])
            guard let row else { throw Problem(.invalidCursor, "after (or cursor) must be the id of an event in this feed.", param: param) }
            start = row[0]
        }
        return try db.rows(
            "SELECT " + columns + " FROM webhook_events WHERE seller_id = ? AND livemode = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            [sellerID, livemode, start, limit]
        ).map(Event.init(row:))
    }

    /// What happened to the named objects, oldest first: a timeline.
    package static func about(_ resourceIDs: [String], in db: Database) throws -> [Event] {
        try resourceIDs.flatMap { id in
            try db.rows("SELECT " + columns + " FROM webhook_events WHERE resource_id = ? ORDER BY sequence LIMIT 100", [id]).map(Event.init(row:))
        }.sorted { $0.sequence < $1.sequence }
    }

    /// How often something happened to an object.
    package static func count(_ type: EventType, about resourceID: String, in db: Database) throws -> Int {
        try db.row("SELECT count(*) FROM webhook_events WHERE resource_id = ? AND event_type = ?", [resourceID, type.rawValue])?[0] ?? 0
    }

    /// The newest moment that the file knows of, so that ids never go back over a restart.
    package static func newestTime(in db: Database) throws -> Timestamp? {
        try db.row("SELECT id FROM webhook_events ORDER BY sequence DESC LIMIT 1").flatMap { IDs.time(of: $0[0]) }
    }

    private static let columns = "sequence, id, event_type, seller_id, livemode, resource_type, resource_id, payload, timestamp"

    private init(row: Row) {
        var columns = Columns(row)
        sequence = columns.next()
        id = columns.next()
        type = columns.next()
        sellerID = columns.next()
        livemode = columns.next()
        resourceType = columns.next()
        resourceID = columns.next()
        payload = columns.next()
        timestamp = columns.next()
    }
}

extension Problem.Code {
    package static let invalidCursor = Self("invalid_cursor", .invalid, "The cursor does not come from this list")
}
