import GRDB
import Goods
import Kernel
import Ledger
import Storage
import Webhooks

/// The fact that the money for a payment arrived. Never changes.
package struct Sale: Sendable, Equatable {
    package let id: String
    package let sellerID: String
    package let livemode: Bool
    package let paymentID: String
    package let linkID: String
    package let productID: String?
    package let title: String
    package let quantity: Int64
    /// What the buyer paid.
    package let gross: Amount
    /// What the platform keeps of it.
    package let fee: Amount
    /// The version of the fee schedule that was in force.
    package let feeSchedule: Int64
    package let network: String
    /// The transaction's hash.
    package let hash: String
    package let payer: String
    /// What was delivered, as text.
    package let content: String?
    package let createdAt: Timestamp

    /// What the seller is owed.
    package var net: Amount { Amount(gross.units - fee.units, gross.asset) }
}

extension Sale {
    /// Records that the money of a settlement arrived: payment, sale, ledger entry,
    /// stock, events and audit row, all or none.
    ///
    /// - Returns: nil where it was recorded before.
    static func complete(_ settlement: Settlement, world: World, in db: Database) throws -> Sale? {
        let now = world.time.now()
        guard try Settlement.move(settlement.id, to: .confirmed, at: now, in: db) else { return nil }
        guard let paymentID = settlement.paymentID else {
            try Event.record(
                [settlement.event(.settlementConfirmed, status: "confirmed")], sellerID: settlement.sellerID, livemode: settlement.livemode,
                world: world, in: db)
            return nil
        }
        guard try Payment.move(paymentID, from: [.settling, .unknown], to: .completed, at: now, in: db),
            let payment = try Payment.find(paymentID, in: db), let link = try PaymentLink.find(payment.linkID, in: db), let gross = payment.amount
        else { preconditionFailure("a settlement that can still be confirmed has a payment that can be completed") }
        let product = try payment.productID.map { try Product.find($0, sellerID: payment.sellerID, livemode: payment.livemode, in: db) }
        let schedule = try FeeSchedule.current(in: db)
        let sale = Sale(
            id: world.newID(.sale), sellerID: payment.sellerID, livemode: payment.livemode, paymentID: payment.id, linkID: link.id,
            productID: payment.productID, title: link.title, quantity: payment.quantity, gross: gross, fee: schedule.fee(on: gross),
            feeSchedule: schedule.version, network: settlement.network, hash: settlement.hash, payer: settlement.payer,
            content: product?.content ?? link.content, createdAt: now)
        try PaymentLink.endHold(of: link.id, used: true, in: db)
        if let product { try Product.sell(payment.quantity, of: product.id, in: db) }
        try sale.insert(in: db)
        try sale.post(world: world, in: db)
        try sale.recordEvents(settlement, world: world, in: db)
        try AuditLog.record("sale.created", of: sale.id, by: AuditLog.Actor("buyer:" + sale.payer), money: sale.moneyColumns, at: now, in: db)
        return sale
    }

    /// + rail gross; − seller net; − fees.
    private func post(world: World, in db: Database) throws {
        var postings = [Posting(.rail(network), gross)]
        if net.units > 0 { postings.append(Posting(.sellerAvailable, -net)) }
        if fee.units > 0 { postings.append(Posting(.feesPlatform, -fee)) }
        let entry = LedgerEntry(
            id: world.newID(.ledgerEntry), books: Books(sellerID: sellerID, livemode: livemode), kind: .sale, reference: id, postings: postings)
        try Journal.post(entry, at: createdAt, world: world, in: db)
    }

    private func recordEvents(_ settlement: Settlement, world: World, in db: Database) throws {
        let currency = gross.asset.code
        let cents: JSON = gross.cents.map { .integer($0) } ?? .null
        let completed = Event.Draft(
            .paymentCompleted, of: ("payment_attempt", paymentID),
            payload: [
                "payment_attempt_id": .string(paymentID), "amount": .string(gross.decimal), "amount_cents": cents, "currency": .string(currency),
                "purchaser_address": .string(payer), "status": "completed", "transaction": .string(hash),
            ])
        let created = Event.Draft(
            .saleCreated, of: ("sale", id),
            payload: [
                "sale_id": .string(id), "payment_attempt_id": .string(paymentID), "payment_link_id": .string(linkID), "product_id": .text(productID),
                "title": .string(title), "amount": .string(gross.decimal), "amount_cents": cents, "fee": .string(fee.decimal),
                "net": .string(net.decimal), "currency": .string(currency), "purchaser_address": .string(payer), "transaction": .string(hash),
            ])
        let confirmed = settlement.event(.settlementConfirmed, cents: gross.cents, currency: currency, status: "confirmed")
        try Event.record([confirmed, completed, created], sellerID: sellerID, livemode: livemode, world: world, in: db)
    }

    /// What the audit row's digest covers.
    var moneyColumns: [String] {
        [paymentID, gross.asset.code, String(gross.units), String(fee.units), String(feeSchedule), network, hash, payer]
    }

    private func insert(in db: Database) throws {
        try db.run(
            """
            INSERT INTO sales (id, seller_id, livemode, payment_id, link_id, product_id, title, quantity, asset, gross_units, fee_units,
              fee_schedule, network, hash, payer, content, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                id, sellerID, livemode, paymentID, linkID, productID, title, quantity, gross.asset.code, gross.units, fee.units, feeSchedule,
                network, hash, payer, content, createdAt.milliseconds,
            ])
    }

    private static let byPaymentSQL = "SELECT " + columns + " FROM sales WHERE payment_id = ?"

    package static func of(payment id: String, in db: Database) throws -> Sale? {
        try db.first(byPaymentSQL, [id], Sale.init(row:))
    }

    package static let listSQL = "SELECT " + columns + " FROM sales WHERE seller_id = ? AND livemode = ? AND id < ? ORDER BY id DESC LIMIT ?"

    package static func list(sellerID: String, livemode: Bool, page: PageRequest, in db: Database) throws -> Page<Sale> {
        let rows = try db.rows(listSQL, [sellerID, livemode, page.before, page.limit + 1])
        return Page(rows.compactMap(Sale.init(row:)), limit: page.limit, id: \.id)
    }

    static let columns = """
        id, seller_id, livemode, payment_id, link_id, product_id, title, quantity, asset, gross_units, fee_units, fee_schedule, network, hash, payer,
        content, created_at
        """

    init?(row: Row) {
        var columns = Columns(row)
        id = columns.next()
        sellerID = columns.next()
        livemode = columns.next()
        paymentID = columns.next()
        linkID = columns.next()
        productID = columns.next()
        title = columns.next()
        quantity = columns.next()
        guard let asset = Asset.named(columns.next()) else { return nil }
        gross = Amount(columns.next(), asset)
        fee = Amount(columns.next(), asset)
        feeSchedule = columns.next()
        network = columns.next()
        hash = columns.next()
        payer = columns.next()
        content = columns.next()
        createdAt = columns.next()
    }
}

extension Settlement {
    /// One of the settlement's events, in the shape the catalogue fixes.
    func event(_ type: EventType, cents: Int64? = nil, currency: String? = nil, status: String) -> Event.Draft {
        Event.Draft(
            type, of: ("settlement", id),
            payload: [
                "settlement_id": .string(id), "payment_attempt_id": .text(paymentID), "amount_cents": cents.map { .integer($0) } ?? .null,
                "currency": .text(currency), "status": .string(status),
                "facilitator_response": [
                    "success": .bool(status == "confirmed"), "transaction": .string(hash), "network": .string(network), "payer": .string(payer),
                ],
                "transaction": .string(hash),
            ])
    }
}
