import GRDB
import Goods
import Kernel
import Storage
import Webhooks

/// A shareable offer: what is sold, for how much, how often and until when.
///
/// Its terms are stored when it is made and never change; a seller who wants
/// another price makes another link.
package struct PaymentLink: Sendable, Equatable {
    /// active → inactive (by the seller) | expired (by the clock). Used up is no
    /// state: it is `uses` having reached `maxUses`.
    package enum State: String, Sendable, CaseIterable { case active, inactive, expired }

    /// What is asked for.
    package enum Price: Sendable, Equatable {
        case fixed(Amount)
        /// The buyer chooses, within these bounds.
        case open(min: Amount, max: Amount)

        package var asset: Asset {
            switch self {
            case .fixed(let amount): amount.asset
            case .open(let min, _): min.asset
            }
        }
    }

    package let id: String
    /// What the URL carries: 128 random bits as 32 hex digits.
    package let token: String
    package let sellerID: String
    package let livemode: Bool
    package let state: State
    package let productID: String?
    package let title: String
    package let description: String?
    /// Text delivered to the buyer, where no product brings its own.
    package let content: String?
    package let price: Price
    /// Sales it is good for; nil is without end, 1 is a one-time link.
    package let maxUses: Int64?
    /// Sales made.
    package let uses: Int64
    /// Payments under way that hold a use.
    package let held: Int64
    package let expiresAt: Timestamp?
    package let successURL: String?
    package let metadata: JSON
    package let createdAt: Timestamp

    /// What a seller says when making a link.
    package struct Draft: Sendable {
        package var productID: String?
        package var title: String?
        package var description: String?
        package var content: String?
        package var price: Price?
        package var maxUses: Int64?
        package var expiresAt: Timestamp?
        package var successURL: String?
        package var metadata: JSON = .object([])
        package init() {}
    }
}

extension PaymentLink {
    /// Makes a link: of a product at its price now, or of a title with a price of its own.
    ///
    /// - Throws: `Problem` with `missing_field`, `invalid_field` or `product_not_found`.
    package static func create(_ draft: Draft, sellerID: String, livemode: Bool, actor: AuditLog.Actor, world: World, in db: Database) throws -> PaymentLink {
        let now = world.time.now()
        let product = try draft.productID.map { try Product.find($0, sellerID: sellerID, livemode: livemode, in: db) }
        guard let title = draft.title ?? product?.name else {
            throw Problem(.missingField, "title is required where there is no product_id.", param: "title")
        }
        guard let price = draft.price ?? product.map({ .fixed($0.price) }) else {
            throw Problem(.missingField, "price (or open_amount) is required where there is no product_id.", param: "price")
        }
        if let end = draft.expiresAt, end <= now {
            throw Problem(.invalidField, "expires_at must be in the future.", param: "expires_at")
        }
        let link = PaymentLink(
            id: world.newID(.paymentLink), token: Hex.encode(world.chance.bytes(16)), sellerID: sellerID, livemode: livemode, state: .active,
            productID: product?.id, title: title, description: draft.description ?? product?.description, content: draft.content, price: price,
            maxUses: draft.maxUses, uses: 0, held: 0, expiresAt: draft.expiresAt, successURL: draft.successURL, metadata: draft.metadata,
            createdAt: now)
        try link.insert(in: db)
        try Event.record(
            .linkCreated, sellerID: sellerID, livemode: livemode, resource: ("payment_link", link.id),
            payload: ["payment_link_id": .string(link.id), "title": .string(title)], world: world, in: db)
        try AuditLog.record("link.created", of: link.id, by: actor, money: link.moneyColumns, at: now, in: db)
        return link
    }

    /// What the audit row of its making covers.
    var moneyColumns: [String] {
        switch price {
        case .fixed(let amount): [amount.asset.code, String(amount.units), "", ""]
        case .open(let min, let max): [min.asset.code, "", String(min.units), String(max.units)]
        }
    }

    /// Why nobody can pay it now, or nil where they can. The shelf is asked when a payment is accepted.
    package func refusal(at now: Timestamp) -> Problem? {
        if state == .expired || expiresAt.map({ $0 <= now }) ?? false {
            return Problem(.linkExpired, "This payment link expired. Ask the seller for a new one.")
        }
        if state == .inactive { return Problem(.linkInactive, "The seller has closed this payment link.") }
        if let maxUses, uses + held >= maxUses {
            return Problem(.linkUsedUp, "This payment link has been paid as often as it can be. Nothing was charged.")
        }
        return nil
    }

    /// Holds one use for a payment under way, in one statement.
    ///
    /// - Throws: `Problem` with `link_expired`, `link_inactive` or `link_used_up`.
    func hold(at now: Timestamp, in db: Database) throws {
        let held = try db.moved(
            """
            UPDATE payment_links SET held = held + 1 WHERE id = ? AND state = 'active'
              AND (max_uses IS NULL OR uses + held < max_uses) AND (expires_at IS NULL OR expires_at > ?)
            """, [id, now.milliseconds])
        if held { return }
        throw try Self.find(id, in: db)?.refusal(at: now) ?? Problem(.linkUsedUp, "This payment link has been paid as often as it can be.")
    }

    /// Turns a held use into one that is made, or gives it back.
    static func endHold(of id: String, used: Bool, in db: Database) throws {
        let ended = try db.moved(
            "UPDATE payment_links SET held = held - 1, uses = uses + ? WHERE id = ? AND held > 0", [used ? 1 : 0, id])
        precondition(ended, "a payment that ends held a use")
    }

    /// Closes the link. Payments under way go on.
    ///
    /// - Throws: `Problem` with `link_not_found`.
    package static func deactivate(
        _ id: String, sellerID: String, livemode: Bool, actor: AuditLog.Actor, world: World, in db: Database
    ) throws -> PaymentLink {
        let link = try find(id, sellerID: sellerID, livemode: livemode, in: db)
        if try db.moved("UPDATE payment_links SET state = 'inactive' WHERE id = ? AND state = 'active'", [id]) {
            try AuditLog.record("link.deactivated", of: id, by: actor, at: world.time.now(), in: db)
        }
        return try find(link.id, sellerID: sellerID, livemode: livemode, in: db)
    }

    /// Links whose time has come, at most `limit`.
    static func due(at now: Timestamp, limit: Int, in db: Database) throws -> [PaymentLink] {
        try db.rows(dueSQL, [now.milliseconds, limit]).compactMap(PaymentLink.init(row:))
    }

    package static let dueSQL =
        "SELECT " + columns + " FROM payment_links WHERE state = 'active' AND expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?"

    func expire(world: World, in db: Database) throws {
        guard try db.moved("UPDATE payment_links SET state = 'expired' WHERE id = ? AND state = 'active'", [id]) else { return }
        try Event.record(
            .linkExpired, sellerID: sellerID, livemode: livemode, resource: ("payment_link", id),
            payload: ["payment_link_id": .string(id)], world: world, in: db)
        try AuditLog.record("link.expired", of: id, by: .till, at: world.time.now(), in: db)
    }

    private static let byTokenSQL = "SELECT " + columns + " FROM payment_links WHERE token = ?"
    private static let byIDSQL = "SELECT " + columns + " FROM payment_links WHERE id = ?"

    package static func find(token: String, in db: Database) throws -> PaymentLink? {
        try db.first(byTokenSQL, [token], PaymentLink.init(row:))
    }

    static func find(_ id: String, in db: Database) throws -> PaymentLink? {
        try db.first(byIDSQL, [id], PaymentLink.init(row:))
    }

    /// - Throws: `Problem` with `link_not_found`, for another seller's or mode's link too.
    package static func find(_ id: String, sellerID: String, livemode: Bool, in db: Database) throws -> PaymentLink {
        guard let link = try find(id, in: db), link.sellerID == sellerID, link.livemode == livemode else {
            throw Problem(.linkNotFound, "No payment link has the id \(id).")
        }
        return link
    }

    package static let listSQL = "SELECT " + columns + " FROM payment_links WHERE seller_id = ? AND livemode = ? AND id < ? ORDER BY id DESC LIMIT ?"

    package static func list(sellerID: String, livemode: Bool, page: PageRequest, in db: Database) throws -> Page<PaymentLink> {
        let rows = try db.rows(listSQL, [sellerID, livemode, page.before, page.limit + 1])
        return Page(rows.compactMap(PaymentLink.init(row:)), limit: page.limit, id: \.id)
    }

    private func insert(in db: Database) throws {
        var (units, least, most): (Int64?, Int64?, Int64?) = (nil, nil, nil)
        switch price {
        case .fixed(let amount): units = amount.units
        case .open(let min, let max): (least, most) = (min.units, max.units)
        }
        try db.run(
            """
            INSERT INTO payment_links (id, token, seller_id, livemode, state, product_id, title, description, content, price_asset, price_units,
              min_units, max_units, max_uses, expires_at, success_url, metadata, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                id, token, sellerID, livemode, state.rawValue, productID, title, description, content, price.asset.code, units, least, most,
                maxUses, expiresAt?.milliseconds, successURL, metadata.compact, createdAt.milliseconds,
            ])
    }

    private static let columns = """
        id, token, seller_id, livemode, state, product_id, title, description, content, price_asset, price_units, min_units, max_units, max_uses,
        uses, held, expires_at, success_url, metadata, created_at
        """

    private init?(row: Row) {
        var columns = Columns(row)
        id = columns.next()
        token = columns.next()
        sellerID = columns.next()
        livemode = columns.next()
        guard let state = State(rawValue: columns.next()) else { return nil }
        self.state = state
        productID = columns.next()
        title = columns.next()
        description = columns.next()
        content = columns.next()
        guard let asset = Asset.named(columns.next()) else { return nil }
        let (units, least, most): (Int64?, Int64?, Int64?) = (columns.next(), columns.next(), columns.next())
        if let units {
            price = .fixed(Amount(units, asset))
        } else if let least, let most {
            price = .open(min: Amount(least, asset), max: Amount(most, asset))
        } else {
            return nil
        }
        maxUses = columns.next()
        uses = columns.next()
        held = columns.next()
        expiresAt = columns.next()
        successURL = columns.next()
        let text: String = columns.next()
        metadata = text == "{}" ? .object([]) : (try? JSON.read(text)) ?? .object([])
        createdAt = columns.next()
    }
}

extension Problem.Code {
    package static let linkNotFound = Self("link_not_found", .notFound, "There is no such payment link")
    package static let linkExpired = Self("link_expired", .gone, "The payment link expired")
    package static let linkInactive = Self("link_inactive", .gone, "The payment link is closed")
    package static let linkUsedUp = Self("link_used_up", .gone, "The payment link is used up")
}
