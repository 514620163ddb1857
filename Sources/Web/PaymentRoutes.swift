import Access
import GRDB
import Kernel
import Payments
import Storage
import Webhooks

/// A payment on the wire.
enum PaymentDocument {
    static let statuses = Payment.Status.allCases.map(\.rawValue)
    static let statusParameter = Route.Parameter.query("status", "Only payments in this status", Schema.oneOf(statuses))

    private static let settlement = Schema.object([
        ("id", Schema.id("stl")), ("status", Schema.oneOf(Settlement.State.allCases.map(\.rawValue))), ("network", Schema.text),
        ("transaction", Schema.text), ("nonce", Schema.text), ("attempts", Schema.integer), ("failure", Schema.nullable(Schema.text)),
        ("next_attempt_at", Schema.nullable(Schema.time)), ("parked_at", Schema.nullable(Schema.time)), ("created_at", Schema.time),
        ("updated_at", Schema.time),
    ])
    private static let properties: [(String, JSON)] = [
        ("id", Schema.id("pay")), ("status", Schema.oneOf(statuses)), ("livemode", Schema.flag), ("link_id", Schema.id("plink")),
        ("product_id", Schema.nullable(Schema.id("prod"))), ("quantity", Schema.integer), ("price", Schema.amount),
        ("network", Schema.nullable(Schema.text)), ("asset", Schema.nullable(Schema.text)), ("atomic_amount", Schema.nullable(Schema.text)),
        ("payer", Schema.nullable(Schema.text)), ("pay_to", Schema.nullable(Schema.text)), ("transaction", Schema.nullable(Schema.text)),
        ("settlement", Schema.nullable(settlement)), ("sale_id", Schema.nullable(Schema.id("sale"))), ("failure", Schema.nullable(Schema.text)),
        ("hold_expires_at", Schema.nullable(Schema.time)), ("created_at", Schema.time), ("updated_at", Schema.time),
    ]
    static let schema = Schema.object(properties)
    static let schemaWithTimeline = Schema.object(properties + [("timeline", Schema.list(of: EventDocument.schema))])

    /// A payment with what belongs to it.
    struct Whole: Sendable {
        let payment: Payment
        let settlement: Settlement?
        let sale: Sale?

        init(_ payment: Payment, in db: Database) throws {
            self.payment = payment
            settlement = try Settlement.of(payment: payment.id, in: db)
            sale = try Sale.of(payment: payment.id, in: db)
        }

        func timeline(in db: Database) throws -> [Event] {
            try Event.about([payment.id] + [settlement?.id, sale?.id].compactMap(\.self), in: db)
        }
    }

    static func json(_ whole: Whole, timeline: [Event]? = nil) -> JSON {
        let payment = whole.payment
        let members: JSON = [
            "id": .string(payment.id), "status": .string(payment.status.rawValue), "livemode": .bool(payment.livemode),
            "link_id": .string(payment.linkID), "product_id": .text(payment.productID), "quantity": .integer(payment.quantity),
            "price": payment.price.json, "network": .text(payment.network), "asset": .text(payment.asset),
            "atomic_amount": .text(whole.settlement?.atomicAmount), "payer": .text(payment.payer), "pay_to": .text(payment.payTo),
            "transaction": .text(whole.settlement?.hash), "settlement": whole.settlement.map(json) ?? .null, "sale_id": .text(whole.sale?.id),
            "failure": .text(payment.failure), "hold_expires_at": .time(payment.holdExpiresAt), "created_at": .time(payment.createdAt),
            "updated_at": .time(payment.updatedAt),
        ]
        guard let timeline, let all = members.members else { return members }
        return .object(all + [JSON.Member("timeline", .array(timeline.map(EventDocument.json)))])
    }

    private static func json(_ settlement: Settlement) -> JSON {
        [
            "id": .string(settlement.id), "status": .string(settlement.state.rawValue), "network": .string(settlement.network),
            "transaction": .string(settlement.hash), "nonce": .string(settlement.nonce), "attempts": .integer(settlement.attempts),
            "failure": .text(settlement.failure), "next_attempt_at": settlement.isOpen ? .time(settlement.nextAttemptAt) : .null,
            "parked_at": .time(settlement.parkedAt), "created_at": .time(settlement.createdAt), "updated_at": .time(settlement.updatedAt),
        ]
    }
}

extension Counter {
    func listPayments(_ call: Call) async throws -> Reply {
        try call.query.allow(["limit", "cursor", "status"])
        let (asker, page) = (call.asker, try call.query.page(of: .payment))
        let status = try paymentStatus(call.query["status"])
        let (payments, wholes) = try await store.read { db in
            let page = try Payment.list(sellerID: asker.sellerID, livemode: asker.livemode, status: status, page: page, in: db)
            return (page, try page.items.map { try PaymentDocument.Whole($0, in: db) })
        }
        return .json(["data": .array(wholes.map { PaymentDocument.json($0) }), "next_cursor": .text(payments.next)])
    }

    func paymentStatus(_ text: String?) throws -> Payment.Status? {
        guard let text else { return nil }
        guard let status = Payment.Status(rawValue: text) else {
            throw Problem(.invalidField, "status must be one of \(PaymentDocument.statuses.joined(separator: ", ")).", param: "status")
        }
        return status
    }

    func showPayment(_ call: Call) async throws -> Reply {
        let (asker, id) = (call.asker, call.part("id"))
        let (whole, timeline) = try await store.read { db in
            let payment = try Payment.find(id, sellerID: asker.sellerID, livemode: asker.livemode, in: db)
            let whole = try PaymentDocument.Whole(payment, in: db)
            return (whole, try whole.timeline(in: db))
        }
        return .json(PaymentDocument.json(whole, timeline: timeline))
    }
}
