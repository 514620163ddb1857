import GRDB
import Goods
import Kernel
import Payments
import Simulation
import Storage
import Testing
import Webhooks

/// Holds, and what ends them.
@Suite struct ReservationTests {
    private func hold(_ link: PaymentLink, _ shop: Shop) async throws -> String {
        let offer = try await shop.cashier.offer(link.token)
        let (world, duration) = (shop.world, Shop.rules.reservation)
        return try await shop.store.write { db in try Payment.hold(offer, for: duration, world: world, in: db) }
    }

    @Test("a hold keeps stock and use for its time, and not longer")
    func expires() async throws {
        let shop = try await Shop()
        let product = try await shop.product(stock: 1)
        let link = try await shop.link(to: product)
        let id = try await hold(link, shop)
        #expect(try await shop.now(link).held == 1)
        #expect(try await shop.now(product).reserved == 1)
        #expect(await problem { _ = try await shop.cashier.offer(link.token) } == "out_of_stock")
        shop.time.advance(by: .seconds(899))
        try await shop.reaper.tick()
        #expect(try await shop.onlyPayment().status == .pending)
        #expect(try await shop.faults() == [])
        shop.time.advance(by: .seconds(1))
        try await shop.reaper.tick()
        try await shop.reaper.tick()
        #expect(try await shop.onlyPayment().status == .expired)
        #expect(try await shop.now(link).held == 0)
        #expect(try await shop.now(product).reserved == 0)
        #expect(try await shop.events() == ["link.created", "payment.created", "payment.expired", "reservation.released"])
        #expect(try await shop.texts("SELECT object FROM audit_log WHERE action = 'payment.expired'") == [id])
        #expect(try await shop.pay(link).sale != nil)
        #expect(try await shop.faults() == [])
    }

    @Test("a link that ends at the same moment refuses the next and releases the last")
    func withLink() async throws {
        let shop = try await Shop()
        let end = shop.time.now() + .seconds(900)
        let link = try await shop.link {
            $0.expiresAt = end
            $0.maxUses = 1
        }
        _ = try await hold(link, shop)
        #expect(await problem { _ = try await hold(link, shop) } == "link_used_up")
        shop.time.advance(by: .seconds(900))
        try await shop.reaper.tick()
        let after = try await shop.now(link)
        #expect(after.state == .expired && after.held == 0 && after.uses == 0)
        #expect(try await shop.faults() == [])
    }

    @Test("a payment that may have been sent is not given up on by a timer", arguments: [SimulatedChain.Fault.unreachable, .lostAnswer])
    func leavesSettling(_ fault: SimulatedChain.Fault) async throws {
        let shop = try await Shop(.chain)
        let link = try await shop.link()
        shop.chain.plan(fault)
        _ = try await shop.pay(link)
        let before = try await shop.onlyPayment()
        shop.time.advance(by: .seconds(1_000_000))
        try await shop.reaper.tick()
        #expect(try await shop.onlyPayment() == before)
        #expect(try await shop.now(link).held == 1)
    }

    @Test("a link expires once, with one event")
    func linkExpires() async throws {
        let shop = try await Shop()
        let end = shop.time.now() + .seconds(60)
        let link = try await shop.link { $0.expiresAt = end }
        let endless = try await shop.link()
        try await shop.reaper.tick()
        #expect(try await shop.now(link).state == .active)
        shop.time.advance(by: .seconds(60))
        for _ in 0..<3 { try await shop.reaper.tick() }
        #expect(try await shop.now(link).state == .expired)
        #expect(try await shop.now(endless).state == .active)
        let (linkID, endlessID) = (link.id, endless.id)
        let counts = try await shop.store.read { db in
            (try Event.count(.linkExpired, about: linkID, in: db), try Event.count(.linkExpired, about: endlessID, in: db))
        }
        #expect(counts.0 == 1 && counts.1 == 0)
        #expect(try await shop.count("SELECT count(*) FROM audit_log WHERE action = 'link.expired'") == 1)
    }

    @Test("more than one batch is ended in one tick")
    func many() async throws {
        let shop = try await Shop()
        let end = shop.time.now() + .seconds(60)
        for _ in 0..<210 { _ = try await shop.link { $0.expiresAt = end } }
        shop.time.advance(by: .seconds(61))
        try await shop.reaper.tick()
        #expect(try await shop.count("SELECT count(*) FROM payment_links WHERE state = 'expired'") == 210)
        #expect(try await shop.count("SELECT count(*) FROM webhook_events WHERE event_type = 'link.expired'") == 210)
    }

    @Test("a clock set back ends nothing early and nothing twice")
    func clockBack() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        _ = try await hold(link, shop)
        shop.time.set(shop.time.now() - .seconds(3_600))
        try await shop.reaper.tick()
        #expect(try await shop.onlyPayment().status == .pending)
        shop.time.advance(by: .seconds(3_600 + 900))
        try await shop.reaper.tick()
        shop.time.set(shop.time.now() - .seconds(3_600))
        try await shop.reaper.tick()
        #expect(try await shop.onlyPayment().status == .expired)
        #expect(try await shop.faults() == [])
    }
}
