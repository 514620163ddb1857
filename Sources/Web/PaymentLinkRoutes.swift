import Access
import Foundation
import GRDB
import HTTPTypes
import Kernel
import Payments
import Storage

/// A payment link on the wire.
enum PaymentLinkDocument {
    private static let openAmount = Schema.object([("currency", Schema.text), ("min", Schema.decimal), ("max", Schema.decimal)])
    static let draft = Schema.request([
        ("product_id", Schema.id("prod")), ("title", Schema.text(1...200)), ("description", Schema.text(0...5000)),
        ("content", Schema.text(0...10000)), ("price", Schema.amount), ("open_amount", openAmount), ("reusable", Schema.flag),
        ("max_uses", Schema.integer(1...1_000_000_000)), ("expires_at", Schema.time), ("success_url", ["type": "string", "format": "uri"]),
        ("metadata", Schema.metadata),
    ])
    static let schema = Schema.object([
        ("id", Schema.id("plink")), ("token", Schema.text), ("url", Schema.text), ("livemode", Schema.flag),
        ("status", Schema.oneOf(PaymentLink.State.allCases.map(\.rawValue))), ("product_id", Schema.nullable(Schema.id("prod"))),
        ("title", Schema.text), ("description", Schema.nullable(Schema.text)), ("content", Schema.nullable(Schema.text)),
        ("price", Schema.nullable(Schema.amount)), ("open_amount", Schema.nullable(openAmount)), ("reusable", Schema.flag),
        ("max_uses", Schema.nullable(Schema.integer)), ("uses", Schema.integer), ("held", Schema.integer),
        ("expires_at", Schema.nullable(Schema.time)), ("success_url", Schema.nullable(Schema.text)), ("metadata", Schema.metadata),
        ("created_at", Schema.time),
    ])

    static func json(_ link: PaymentLink, url: String) -> JSON {
        var (price, open): (JSON, JSON) = (.null, .null)
        switch link.price {
        case .fixed(let amount): price = amount.json
        case .open(let min, let max):
            open = ["currency": .string(min.asset.code), "min": .string(min.decimal), "max": .string(max.decimal)]
        }
        return [
            "id": .string(link.id), "token": .string(link.token), "url": .string(url), "livemode": .bool(link.livemode),
            "status": .string(link.state.rawValue), "product_id": .text(link.productID), "title": .string(link.title),
            "description": .text(link.description), "content": .text(link.content), "price": price, "open_amount": open,
            "reusable": .bool(link.maxUses != 1), "max_uses": link.maxUses.map { .integer($0) } ?? .null, "uses": .integer(link.uses),
            "held": .integer(link.held), "expires_at": .time(link.expiresAt), "success_url": .text(link.successURL), "metadata": link.metadata,
            "created_at": .time(link.createdAt),
        ]
    }

    /// Reads a draft, with every rule that needs no database.
    static func read(_ fields: inout Fields) throws -> PaymentLink.Draft {
        var draft = PaymentLink.Draft()
        draft.productID = try fields.text("product_id", 1...64)
        draft.title = try fields.text("title", 1...200)
        draft.description = try fields.text("description", 0...5000, lines: true)
        draft.content = try fields.text("content", 0...10_000, lines: true)
        draft.price = try price(&fields, hasProduct: draft.productID != nil)
        draft.maxUses = try uses(&fields)
        draft.expiresAt = try fields.time("expires_at")
        draft.successURL = try webURL(&fields)
        if let metadata = try fields.metadata("metadata") { draft.metadata = metadata }
        try fields.finish()
        return draft
    }

    private static func price(_ fields: inout Fields, hasProduct: Bool) throws -> PaymentLink.Price? {
        let fixed = try ProductDocument.price(&fields)
        let open = fields.value("open_amount")
        if fixed != nil, open != nil { throw fields.invalid("open_amount", "absent where there is a price") }
        if hasProduct, fixed != nil || open != nil {
            throw fields.invalid(fixed != nil ? "price" : "open_amount", "absent where there is a product_id: the product has the price")
        }
        if let fixed { return .fixed(fixed) }
        guard let open else { return nil }
        var bounds = try Fields(open, at: "open_amount")
        guard let code = try bounds.text("currency", 1...12) else { throw bounds.missing("currency") }
        guard let asset = Asset.named(code) else {
            throw bounds.invalid("currency", "one of \(Asset.all.map(\.code).joined(separator: ", "))")
        }
        guard let least = try bounds.text("min", 1...32) else { throw bounds.missing("min") }
        guard let most = try bounds.text("max", 1...32) else { throw bounds.missing("max") }
        try bounds.finish()
        let min = try Amount(decimal: least, asset, param: "open_amount.min")
        let max = try Amount(decimal: most, asset, param: "open_amount.max")
        guard min.units > 0, max.units >= min.units else { throw bounds.invalid("max", "at least open_amount.min, which must be more than zero") }
        return .open(min: min, max: max)
    }

    /// `reusable: false` is a link for one sale.
    private static func uses(_ fields: inout Fields) throws -> Int64? {
        let reusable = try fields.flag("reusable")
        let most = try fields.integer("max_uses", 1...1_000_000_000)
        if reusable == false {
            guard most == nil || most == 1 else { throw fields.invalid("max_uses", "1 or absent where reusable is false") }
            return 1
        }
        return most
    }

    private static func webURL(_ fields: inout Fields) throws -> String? {
        guard let text = try fields.text("success_url", 1...2000) else { return nil }
        guard let url = URLComponents(string: text), url.scheme == "https" || url.scheme == "http", let host = url.host, !host.isEmpty, url.user == nil
        else { throw fields.invalid("success_url", "an http or https URL") }
        return text
    }
}

extension Counter {
    func createLink(_ call: Call) async throws -> Reply {
        var fields = try call.fields()
        let draft = try PaymentLinkDocument.read(&fields)
        let (asker, world) = (call.asker, world)
        return try await once(call) { db in
            let link = try PaymentLink.create(
                draft, sellerID: asker.sellerID, livemode: asker.livemode, actor: asker.actor, world: world, in: db)
            return PaymentLinkDocument.json(link, url: self.linkURL(link.token))
        }
    }

    func listLinks(_ call: Call) async throws -> Reply {
        try call.query.allow(["limit", "cursor"])
        let (asker, page) = (call.asker, try call.query.page(of: .paymentLink))
        let links = try await store.read { db in try PaymentLink.list(sellerID: asker.sellerID, livemode: asker.livemode, page: page, in: db) }
        return .page(links) { PaymentLinkDocument.json($0, url: linkURL($0.token)) }
    }

    func showLink(_ call: Call) async throws -> Reply {
        let (asker, id) = (call.asker, call.part("id"))
        let link = try await store.read { db in try PaymentLink.find(id, sellerID: asker.sellerID, livemode: asker.livemode, in: db) }
        return .json(PaymentLinkDocument.json(link, url: linkURL(link.token)))
    }

    func deactivateLink(_ call: Call) async throws -> Reply {
        let (asker, id, world) = (call.asker, call.part("id"), world)
        return try await once(call, status: .ok) { db in
            let link = try PaymentLink.deactivate(
                id, sellerID: asker.sellerID, livemode: asker.livemode, actor: asker.actor, world: world, in: db)
            return PaymentLinkDocument.json(link, url: self.linkURL(link.token))
        }
    }
}
