import Access
import GRDB
import Kernel
import Storage
import Webhooks

/// An event on the wire: the feed's row, and the body of every webhook.
enum EventDocument {
    static let schema = Schema.object([
        ("id", Schema.id("evt")), ("event_type", Schema.oneOf(EventType.allCases.map(\.rawValue))), ("seller_id", Schema.id("sel")),
        ("resource_type", Schema.text), ("resource_id", Schema.text), ("payload", Schema.anyObject), ("livemode", Schema.flag),
        ("timestamp", Schema.time),
    ])
    static let page = Schema.page(of: schema)
    static let parameters: [Route.Parameter] = [
        .query("after", "The id of the last event seen", Schema.text),
        .query("limit", "Events at most", ["type": "integer", "minimum": 1, "maximum": 100, "default": 20]),
        .query("cursor", "The same as after, for clients that page", Schema.text),
    ]

    static func json(_ event: Event) -> JSON {
        [
            "id": .string(event.id), "event_type": .string(event.type), "seller_id": .string(event.sellerID),
            "resource_type": .string(event.resourceType), "resource_id": .string(event.resourceID),
            // Written by Till itself, so that it can be read again.
            "payload": (try? JSON.read(event.payload)) ?? .object([]), "livemode": .bool(event.livemode), "timestamp": .time(event.timestamp),
        ]
    }
}

extension Counter {
    /// Oldest first; `next_cursor` is the last event shown, for as long as there are more.
    func listEvents(_ call: Call) async throws -> Reply {
        try call.query.allow(["after", "limit", "cursor"])
        let (asker, limit) = (call.asker, try call.query.integer("limit", 1...100) ?? 20)
        let after = call.query["after"] ?? call.query["cursor"]
        let name = call.query["after"] == nil ? "cursor" : "after"
        let events = try await store.read { db in
            try Event.feed(sellerID: asker.sellerID, livemode: asker.livemode, after: after, named: name, limit: limit + 1, in: db)
        }
        return .page(Page(events, limit: limit, id: \.id), EventDocument.json)
    }
}
