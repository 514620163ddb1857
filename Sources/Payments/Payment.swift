import GRDB
import Goods
import Kernel
import Rails
import Storage
import Webhooks

/// One buyer's attempt to pay one link.
///
/// Moves only forward, as the trigger `payments_moves` holds. It may become
/// `expired` before `settling`, by a timer, and `failed` after, by the network
/// alone: a payment that may have been sent is never given up on by a timer.
package struct Payment: Sendable, Equatable {
    package enum Status: String, Sendable, CaseIterable {
        case pending, verified, settling, unknown, completed
        case partiallyRefunded = "partially_refunded"
        case refunded, failed, expired
    }

    package let id: String
    package let sellerID: String
    package let livemode: Bool
    package let status: Status
    package let linkID: String
    package let productID: String?
    package let quantity: Int64
    package let price: Amount
    /// CAIP-2 id. This and what follows is nil until an authorization is accepted.
    package let network: String?
    /// The asset's contract.
    package let asset: String?
    /// What the buyer signed for, in ledger units.
    package let amount: Amount?
    package let payer: String?
    package let payTo: String?
    /// Why it failed, as the network's code.
    package let failure: String?
    package let holdExpiresAt: Timestamp?
    package let createdAt: Timestamp
    package let updatedAt: Timestamp
}

extension Payment {
    /// Creates the payment that a checkout holds: stock and use are reserved until `holdExpiresAt`.
    package static func hold(_ offer: Offer, for duration: Duration, world: World, in db: Database) throws -> String {
        let id = world.newID(.payment)
        let now = world.time.now()
        try reserve(offer.link, at: now, in: db)
        try db.run(
            """
            INSERT INTO payments (id, seller_id, livemode, status, link_id, product_id, quantity, price_units, price_asset, hold_expires_at,
              created_at, updated_at) VALUES (?, ?, ?, 'pending', ?, ?, 1, ?, ?, ?, ?, ?)
            """,
            [
                id, offer.link.sellerID, offer.link.livemode, offer.link.id, offer.link.productID, offer.price.units, offer.price.asset.code,
                (now + duration).milliseconds, now.milliseconds, now.milliseconds,
            ])
        try Event.record([createdEvent(id, offer, payer: nil)], sellerID: offer.link.sellerID, livemode: offer.link.livemode, world: world, in: db)
        return id
    }

    /// Accepts a checked authorization for an offer and enters `settling`, in one step.
    ///
    /// Reserves the link's use, the stock and the authorization; throws where one
    /// of them is gone, and the buyer has not been charged.
    static func accept(
        _ authorization: Authorization, _ transaction: PreparedTransaction, for offer: Offer, units: Amount, settlement: String,
        leaseUntil: Timestamp, world: World, in db: Database
    ) throws -> Settlement {
        let now = world.time.now()
        let id = world.newID(.payment)
        let link = offer.link
        try reserve(link, at: now, in: db)
        try db.run(
            """
            INSERT INTO payments (id, seller_id, livemode, status, link_id, product_id, quantity, price_units, price_asset, network, asset, units,
              units_asset, payer, pay_to, x402_version, created_at, updated_at) VALUES (?, ?, ?, 'settling', ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                id, link.sellerID, link.livemode, link.id, link.productID, offer.price.units, offer.price.asset.code, authorization.network,
                authorization.asset, units.units, units.asset.code, authorization.payer, authorization.payTo, authorization.version,
                now.milliseconds, now.milliseconds,
            ])
        let settlement = try Settlement.queue(
            settlement, authorization, transaction, paymentID: id, sellerID: link.sellerID, livemode: link.livemode, leaseUntil: leaseUntil,
            world: world, in: db)
        let verified = Event.Draft(
            .paymentVerified, of: ("payment_attempt", id),
            payload: [
                "payment_attempt_id": .string(id), "purchaser_address": .string(authorization.payer), "network": .string(authorization.network),
                "status": "verified",
            ])
        try Event.record(
            [createdEvent(id, offer, payer: authorization.payer), verified, settlement.queuedEvent], sellerID: link.sellerID,
            livemode: link.livemode, world: world, in: db)
        return settlement
    }

    private static func reserve(_ link: PaymentLink, at now: Timestamp, in db: Database) throws {
        try link.hold(at: now, in: db)
        if let product = link.productID { try Product.reserve(1, of: product, in: db) }
    }

    private static func createdEvent(_ id: String, _ offer: Offer, payer: String?) -> Event.Draft {
        Event.Draft(
            .paymentCreated, of: ("payment_attempt", id),
            payload: [
                "payment_attempt_id": .string(id), "payment_link_id": .string(offer.link.id), "amount": .string(offer.price.decimal),
                "amount_cents": offer.price.cents.map { .integer($0) } ?? .null, "currency": .string(offer.price.asset.code),
                "purchaser_address": .text(payer),
            ])
    }

    /// Moves to `status` from one of `from`; false when someone else moved it first.
    static func move(_ id: String, from: [Status], to status: Status, failure: String? = nil, at now: Timestamp, in db: Database) throws -> Bool {
        let states = from.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        return try db.moved(
            "UPDATE payments SET status = ?, failure = coalesce(?, failure), updated_at = ? WHERE id = ? AND status IN (\(states))",
            [status.rawValue, failure, now.milliseconds, id])
    }

    /// Gives back what the payment held, after it ended without a sale.
    func release(world: World, in db: Database) throws {
        try PaymentLink.endHold(of: linkID, used: false, in: db)
        if let productID { try Product.release(quantity, of: productID, in: db) }
        try Event.record(
            .reservationReleased, sellerID: sellerID, livemode: livemode, resource: ("payment_attempt", id),
            payload: ["payment_attempt_id": .string(id), "payment_link_id": .string(linkID), "product_id": .text(productID)], world: world, in: db)
    }

    package static let heldSQL =
        "SELECT " + columns + " FROM payments WHERE status IN ('pending', 'verified') AND hold_expires_at <= ? ORDER BY hold_expires_at LIMIT ?"

    /// Payments whose hold is over, at most `limit`.
    static func overdue(at now: Timestamp, limit: Int, in db: Database) throws -> [Payment] {
        try db.rows(heldSQL, [now.milliseconds, limit]).compactMap(Payment.init(row:))
    }

    private static let byIDSQL = "SELECT " + columns + " FROM payments WHERE id = ?"

    package static func find(_ id: String, in db: Database) throws -> Payment? {
        try db.first(byIDSQL, [id], Payment.init(row:))
    }

    /// - Throws: `Problem` with `payment_not_found`, for another seller's or mode's payment too.
    package static func find(_ id: String, sellerID: String, livemode: Bool, in db: Database) throws -> Payment {
        guard let payment = try find(id, in: db), payment.sellerID == sellerID, payment.livemode == livemode else {
            throw Problem(.paymentNotFound, "No payment has the id \(id).")
        }
        return payment
    }

    package static let listSQL = "SELECT " + columns + " FROM payments WHERE seller_id = ? AND livemode = ? AND id < ? ORDER BY id DESC LIMIT ?"
    package static let listOpenSQL =
        "SELECT " + columns + " FROM payments WHERE seller_id = ? AND livemode = ? AND status = ? AND status <> 'completed' AND id < ? ORDER BY id DESC LIMIT ?"
    package static let listCompletedSQL =
        "SELECT " + columns + " FROM payments WHERE seller_id = ? AND livemode = ? AND id < ? AND status = 'completed' ORDER BY id DESC LIMIT ?"

    /// The seller's payments, newest first; with `status`, those in it.
    package static func list(
        sellerID: String, livemode: Bool, status: Status? = nil, page: PageRequest, in db: Database
    ) throws -> Page<Payment> {
        let more = page.limit + 1
        let rows =
            switch status {
            case nil: try db.rows(listSQL, [sellerID, livemode, page.before, more])
            case .completed: try db.rows(listCompletedSQL, [sellerID, livemode, page.before, more])
            case .some(let status): try db.rows(listOpenSQL, [sellerID, livemode, status.rawValue, page.before, more])
            }
        return Page(rows.compactMap(Payment.init(row:)), limit: page.limit, id: \.id)
    }

    private static let columns = """
        id, seller_id, livemode, status, link_id, product_id, quantity, price_units, price_asset, network, asset, units, units_asset, payer, pay_to,
        failure, hold_expires_at, created_at, updated_at
        """

    private init?(row: Row) {
        var columns = Columns(row)
        id = columns.next()
        sellerID = columns.next()
        livemode = columns.next()
        guard let status = Status(rawValue: columns.next()) else { return nil }
        self.status = status
        linkID = columns.next()
        productID = columns.next()
        quantity = columns.next()
        let units: Int64 = columns.next()
        guard let priceAsset = Asset.named(columns.next()) else { return nil }
        price = Amount(units, priceAsset)
        network = columns.next()
        asset = columns.next()
        let (paid, paidAsset): (Int64?, String?) = (columns.next(), columns.next())
        amount = paid.flatMap { paid in paidAsset.flatMap(Asset.named).map { Amount(paid, $0) } }
        payer = columns.next()
        payTo = columns.next()
        failure = columns.next()
        holdExpiresAt = columns.next()
        createdAt = columns.next()
        updatedAt = columns.next()
    }
}

extension Problem.Code {
    package static let paymentNotFound = Self("payment_not_found", .notFound, "There is no such payment")
}
