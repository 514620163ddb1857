import Access
import GRDB
import Kernel
import Ledger
import Storage
import Webhooks

/// What commands ask of a data file: answered by the server over its socket, or by
/// the command itself where no server runs. One implementation for both.
struct Control: Sendable {
    let appliance: Appliance
    let publicURL: String

    /// - Throws: `Problem` for a refusal the operator can act on.
    func answer(_ request: ControlRequest) async throws -> JSON {
        let actor = AuditLog.Actor(request.actor)
        switch (request.method, request.path) {
        case ("POST", "/setup-code"): return try await setupCode()
        case ("POST", "/keys"): return try await createKey(try Fields(request.body), by: actor)
        case ("GET", "/keys"): return try await listKeys()
        case ("POST", "/keys/revoke"): return try await revokeKey(try Fields(request.body), by: actor)
        case ("POST", "/doctor"): return try await ask(Tables.questions)
        case ("POST", "/ledger/verify"): return try await ask(LedgerSchema.questions)
        default: throw Problem(.notFound, "This Till does not know the command \(request.method) \(request.path).")
        }
    }

    /// A new setup code, unless somebody can sign in already.
    private func setupCode() async throws -> JSON {
        let (world, lasting) = (appliance.world, appliance.settings.limits.setupCode)
        let code = try await appliance.store.write { db -> Secret<String>? in
            try Person.exists(in: db) ? nil : try SetupCode.create(lasting: lasting, world: world, in: db)
        }
        // The code is in the fragment: browsers do not send it, so that no log can hold it.
        return ["setup_url": .text(code.map { publicURL + "/admin/setup#code=" + $0.exposeSecret() }), "admin_url": .string(publicURL + "/admin")]
    }

    private func createKey(_ body: Fields, by actor: AuditLog.Actor) async throws -> JSON {
        var fields = body
        guard let name = try fields.text("name", 1...100) else { throw fields.missing("name") }
        let live = try fields.flag("live") ?? false
        let names = fields.value("scopes")?.items?.compactMap(\.text) ?? []
        try fields.finish()
        let scopes = Set(names.compactMap(Scope.init(rawValue:)))
        guard !scopes.isEmpty, scopes.count == Set(names).count else {
            throw fields.invalid("scopes", "some of \(Scope.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard !live || appliance.settings.mode == .live else {
            throw Problem(.invalidField, "Live keys are made in live mode. This Till is in test mode (setting mode).", param: "live")
        }
        let (seller, world) = (appliance.seller.id, appliance.world)
        return try await appliance.store.write { db in
            let (key, secret) = try APIKey.create(named: name, scopes: scopes, sellerID: seller, livemode: live, by: actor, world: world, in: db)
            try Event.record(
                .apiKeyCreated, sellerID: seller, livemode: live, resource: ("api_key", key.id),
                payload: ["api_key_id": .string(key.id), "name": .string(name)], world: world, in: db)
            return ["id": .string(key.id), "secret": .string(secret.exposeSecret())]
        }
    }

    private func listKeys() async throws -> JSON {
        let seller = appliance.seller.id
        let keys = try await appliance.store.read { db in
            try [true, false].flatMap { live in
                try APIKey.list(sellerID: seller, livemode: live, page: PageRequest(limit: 1_000), in: db).items
            }
        }
        return [
            "data": .array(keys.map { key in
                [
                    "id": .string(key.id), "name": .string(key.name), "prefix": .string(key.prefix), "livemode": .bool(key.livemode),
                    "scopes": .array(key.scopes.map(\.rawValue).sorted().map(JSON.string)), "created_at": .time(key.createdAt),
                    "last_used_at": .time(key.lastUsedAt), "expires_at": .time(key.expiresAt), "revoked_at": .time(key.revokedAt),
                ]
            })
        ]
    }

    private func revokeKey(_ body: Fields, by actor: AuditLog.Actor) async throws -> JSON {
        var fields = body
        guard let id = try fields.text("id", 1...64) else { throw fields.missing("id") }
        try fields.finish()
        let (seller, world) = (appliance.seller.id, appliance.world)
        try await appliance.store.write { db in
            let isLive = try APIKey.isLive(id, in: db)
            let revoked = try APIKey.revoke(id, sellerID: seller, livemode: isLive, by: actor, at: world.time.now(), in: db)
            guard revoked else { return }
            try Event.record(
                .apiKeyRevoked, sellerID: seller, livemode: isLive, resource: ("api_key", id), payload: ["api_key_id": .string(id)], world: world,
                in: db)
        }
        return ["id": .string(id), "revoked": true]
    }

    /// Asks every question over all rows, in one snapshot.
    private func ask(_ questions: [AuditQuestion]) async throws -> JSON {
        let checks = try await appliance.store.read { db in try questions.map { ($0.claim, try $0.faults(db)) } }
        return [
            "ok": .bool(checks.allSatisfy(\.1.isEmpty)), "sqlite": .string(Store.libraryVersion), "data": .string(appliance.store.path),
            "checks": .array(checks.map { ["claim": .string($0.0), "faults": .array($0.1.map(JSON.string))] }),
        ]
    }
}
