import Access
import GRDB
import Kernel
import Payments
import Rails
import Simulation
import Storage
import Testing

/// The questions find nothing in a shop that is well, and everything that is planted in one.
@Suite struct PaymentsQuestionsTests {
    /// A shop with a payment in every state that there is a way to.
    private func busyShop() async throws -> Shop {
        let shop = try await Shop(.chain)
        let product = try await shop.product(stock: 10)
        let goods = try await shop.link(to: product)
        let plain = try await shop.link { $0.maxUses = 20 }
        for number in 1...3 { #expect(try await shop.pay(goods, by: UInt64(number), nonce: UInt64(number)).sale != nil) }
        #expect(try await shop.pay(plain, by: 4, nonce: 4).sale != nil)
        let offer = try await shop.cashier.offer(goods.token)
        let world = shop.world
        // One hold ends, one goes on.
        _ = try await shop.store.write { db in try Payment.hold(offer, for: .seconds(60), world: world, in: db) }
        shop.time.advance(by: .seconds(60))
        try await shop.reaper.tick()
        _ = try await shop.store.write { db in try Payment.hold(offer, for: .seconds(60), world: world, in: db) }
        shop.chain.plan(.spent)
        #expect(try await shop.pay(goods, by: 5, nonce: 5).refusal != nil)
        shop.chain.plan(.lostAnswer)
        #expect(try await shop.pay(goods, by: 6, nonce: 6).pending != nil)
        shop.chain.plan(.unreachable)
        #expect(try await shop.pay(plain, by: 7, nonce: 7).pending != nil)
        let requirements = try #require(offer.requirements.first)
        let request = try Shop.request(try shop.sign(requirements, by: Shop.buyer(8), nonce: 8), requirements)
        #expect(try await shop.cashier.settle(request, sellerID: shop.seller.id, livemode: false).success)
        return shop
    }

    @Test("nothing is wrong with a busy shop, before its payments end and after")
    func nothing() async throws {
        let shop = try await busyShop()
        let states = try await shop.texts("SELECT DISTINCT status FROM payments ORDER BY status")
        #expect(states == ["completed", "expired", "failed", "pending", "settling", "unknown"])
        #expect(try await shop.faults() == [])
        shop.time.advance(by: .seconds(60))
        try await shop.reaper.tick()
        try await shop.worker.tick()
        #expect(try await shop.faults() == [])
        #expect(try await shop.count("SELECT count(*) FROM sales") == 6)
    }

    /// One thing done behind the code's back.
    struct Plant: Sendable, CustomTestStringConvertible {
        let claim: String
        let sql: String
        var testDescription: String { sql }

        init(_ claim: String, _ statements: String...) {
            self.claim = claim
            sql = statements.joined(separator: "; ")
        }
    }

    static let hasSale = "every completed payment has its sale"
    static let hasPayment = "every sale has a completed payment"
    static let agrees = "every settlement agrees with its payment"
    static let carried = "every payment under way has a settlement"
    static let holds = "every use a link holds belongs to a payment under way"
    static let uses = "every use of a link is a sale"
    static let shelf = "every unit off the shelf belongs to a payment"
    static let recorded = "every sale has its ledger entry, its events and its audit row"

    static let plants: [Plant] = [
        Plant(hasSale, "DROP TRIGGER payments_moves", "UPDATE payments SET status = 'completed' WHERE status = 'settling'"),
        Plant(hasSale, "DROP TRIGGER sales_delete", "DELETE FROM sales"),
        Plant(hasPayment, "DROP TRIGGER payments_moves", "UPDATE payments SET status = 'failed' WHERE status = 'completed'"),
        Plant(agrees, "DROP TRIGGER settlements_moves", "UPDATE settlements SET state = 'unknown' WHERE state = 'confirmed'"),
        Plant(agrees, "UPDATE settlements SET state = 'confirmed' WHERE state = 'sent'"),
        Plant(agrees, "DROP TRIGGER payments_moves", "UPDATE payments SET status = 'expired' WHERE status = 'unknown'"),
        Plant(carried, "DROP TRIGGER settlements_delete", "DELETE FROM settlements WHERE state = 'unknown'"),
        Plant(holds, "UPDATE payment_links SET held = held + 1"),
        Plant(holds, "DROP TRIGGER payments_moves", "UPDATE payments SET status = 'expired' WHERE status = 'pending'"),
        Plant(uses, "UPDATE payment_links SET uses = uses + 1"),
        Plant(uses, "DROP TRIGGER sales_delete", "DELETE FROM sales WHERE product_id IS NULL"),
        Plant(shelf, "UPDATE products SET reserved = reserved + 1"),
        Plant(shelf, "UPDATE products SET sold = sold + 1"),
        Plant(recorded, "DROP TRIGGER sales_update", "UPDATE sales SET gross_units = gross_units + 1"),
        Plant(recorded, "DROP TRIGGER sales_update", "UPDATE sales SET payer = 'nobody'"),
        Plant(recorded, "DROP TRIGGER sales_update", "UPDATE sales SET asset = 'XYZ'"),
        Plant(recorded, "DROP TRIGGER ledger_postings_update", "UPDATE ledger_postings SET amount = amount * 2"),
        Plant(
            recorded, "DROP TRIGGER ledger_postings_delete", "DROP TRIGGER ledger_entries_delete", "DELETE FROM ledger_postings",
            "DELETE FROM ledger_entries"),
        Plant(recorded, "DROP TRIGGER webhook_events_delete", "DELETE FROM webhook_events WHERE event_type = 'sale.created'"),
        Plant(recorded, "DROP TRIGGER webhook_events_delete", "DELETE FROM webhook_events WHERE event_type = 'payment.completed'"),
        Plant(recorded, "DROP TRIGGER audit_log_update", "UPDATE audit_log SET digest = 'x' WHERE action = 'sale.created'"),
    ]

    @Test("what is planted is found by the question that claims it", arguments: plants)
    func finds(_ plant: Plant) async throws {
        let shop = try await busyShop()
        let question = try #require(PaymentsSchema.questions.first { $0.claim == plant.claim })
        let before = try await shop.store.read { db in try question.faults(db) }
        #expect(before == [])
        try await shop.store.write { db in try db.execute(sql: plant.sql) }
        let after = try await shop.store.read { db in try question.faults(db) }
        #expect(!after.isEmpty)
    }

    @Test("every question has something planted for it")
    func complete() {
        #expect(Set(Self.plants.map(\.claim)) == Set(PaymentsSchema.questions.map(\.claim)))
    }
}
