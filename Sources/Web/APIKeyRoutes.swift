import Access
import GRDB
import Kernel
import Storage
import Webhooks

/// An API key on the wire. Its secret appears in one answer only.
enum APIKeyDocument {
    private static let properties: [(String, JSON)] = [
        ("id", Schema.id("key")), ("livemode", Schema.flag), ("name", Schema.text), ("prefix", Schema.text),
        ("scopes", Schema.list(of: Schema.oneOf(Scope.allCases.map(\.rawValue)))), ("created_at", Schema.time),
        ("expires_at", Schema.nullable(Schema.time)), ("last_used_at", Schema.nullable(Schema.time)), ("revoked_at", Schema.nullable(Schema.time)),
    ]
    static let schema = Schema.object(properties)
    static let schemaWithSecret = Schema.object(properties + [("secret", Schema.text)])
    static let revoked = Schema.object([("id", Schema.id("key")), ("revoked", Schema.flag)])
    static let draft = Schema.request(
        [
            ("name", Schema.text(1...100)),
            ("scopes", ["type": "array", "minItems": 1, "items": Schema.oneOf(Scope.allCases.map(\.rawValue))]), ("expires_at", Schema.time),
        ], required: ["name", "scopes"])

    static func json(_ key: APIKey, secret: Secret<String>? = nil) -> JSON {
        var members: [JSON.Member] = [
            JSON.Member("id", .string(key.id)), JSON.Member("livemode", .bool(key.livemode)), JSON.Member("name", .string(key.name)),
            JSON.Member("prefix", .string(key.prefix)),
            JSON.Member("scopes", .array(key.scopes.map(\.rawValue).sorted().map(JSON.string))), JSON.Member("created_at", .time(key.createdAt)),
            JSON.Member("expires_at", .time(key.expiresAt)), JSON.Member("last_used_at", .time(key.lastUsedAt)),
            JSON.Member("revoked_at", .time(key.revokedAt)),
        ]
        if let secret { members.append(JSON.Member("secret", .string(secret.exposeSecret()))) }
        return .object(members)
    }

    static func scopes(_ fields: inout Fields) throws -> Set<Scope>? {
        guard let value = fields.value("scopes") else { return nil }
        let rule = "a list with at least one of \(Scope.allCases.map(\.rawValue).joined(separator: ", "))"
        guard let items = value.items, !items.isEmpty, items.count <= 20 else { throw fields.invalid("scopes", rule) }
        return Set(try items.map { item in
            guard let scope = item.text.flatMap(Scope.init(rawValue:)) else { throw fields.invalid("scopes", rule) }
            return scope
        })
    }
}

extension Counter {
    func createAPIKey(_ call: Call) async throws -> Reply {
        var fields = try call.fields()
        let given = try fields.text("name", 1...100)
        let chosen = try APIKeyDocument.scopes(&fields)
        let expiresAt = try fields.time("expires_at")
        try fields.finish()
        guard let name = given else { throw fields.missing("name") }
        guard let scopes = chosen else { throw fields.missing("scopes") }
        let (asker, world) = (call.asker, world)
        if let expiresAt, expiresAt <= world.time.now() { throw fields.invalid("expires_at", "in the future") }
        return try await once(call) { db in
            let (key, secret) = try APIKey.create(
                named: name, scopes: scopes, sellerID: asker.sellerID, livemode: asker.livemode, expiresAt: expiresAt, by: asker.actor, world: world,
                in: db)
            try Event.record(
                .apiKeyCreated, sellerID: key.sellerID, livemode: key.livemode, resource: ("api_key", key.id),
                payload: ["api_key_id": .string(key.id), "name": .string(key.name)], world: world, in: db)
            return APIKeyDocument.json(key, secret: secret)
        }
    }

    func listAPIKeys(_ call: Call) async throws -> Reply {
        try call.query.allow(["limit", "cursor"])
        let (asker, page) = (call.asker, try call.query.page(of: .apiKey))
        let keys = try await store.read { db in try APIKey.list(sellerID: asker.sellerID, livemode: asker.livemode, page: page, in: db) }
        return .page(keys) { APIKeyDocument.json($0) }
    }

    func revokeAPIKey(_ call: Call) async throws -> Reply {
        let (asker, id, world) = (call.asker, call.part("id"), world)
        try await store.write { db in
            let revoked = try APIKey.revoke(
                id, sellerID: asker.sellerID, livemode: asker.livemode, by: asker.actor, at: world.time.now(), in: db)
            guard revoked else { return }
            try Event.record(
                .apiKeyRevoked, sellerID: asker.sellerID, livemode: asker.livemode, resource: ("api_key", id),
                payload: ["api_key_id": .string(id)], world: world, in: db)
        }
        return .json(["id": .string(id), "revoked": true])
    }
}
