import GRDB
import Goods
import Kernel
import Payments
import Rails
import Sandbox
import Simulation
import Storage
import Testing

/// The way from an accepted authorization to its end, over a network that fails.
@Suite struct SettlementTests {
    /// Ticks, from due to due, until nothing is open.
    private func finish(_ shop: Shop) async throws {
        for _ in 0..<50 {
            guard let due = try await shop.worker.tick() else { return }
            let wait = due.milliseconds - shop.time.now().milliseconds
            shop.time.advance(by: .milliseconds(max(1, wait)))
        }
        Issue.record("the worker comes to no end")
    }

    @Test("an unreachable network leaves it settling, and the worker completes it")
    func unreachable() async throws {
        let shop = try await Shop(.chain)
        let link = try await shop.link()
        shop.chain.plan(.unreachable)
        let settlement = try #require(try await shop.pay(link).pending)
        #expect(settlement.state == .sent && settlement.attempts == 1)
        #expect(try await shop.onlyPayment().status == .settling)
        #expect(try await shop.now(link).held == 1)
        // Its time has not come: it waits.
        try await shop.worker.tick()
        #expect(shop.chain.sends(of: settlement.hash) == 0)
        shop.time.advance(by: .seconds(1))
        #expect(try await shop.worker.tick() == nil)
        #expect(try await shop.onlyPayment().status == .completed)
        #expect(shop.chain.sends(of: settlement.hash) == 1)
        #expect(shop.chain.received(Shop.payTo) == 12_000_000)
        #expect(try await shop.now(link).uses == 1)
        #expect(try await shop.faults() == [])
    }

    @Test("the same over the sandbox")
    func sandbox() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        shop.sandbox.inject(.init(failEvery: 1))
        #expect(try await shop.pay(link, by: 1, nonce: 1).pending?.state == .sent)
        shop.sandbox.inject(.init(loseAnswerEvery: 1))
        #expect(try await shop.pay(link, by: 2, nonce: 2).pending?.state == .unknown)
        shop.sandbox.inject(.none)
        try await finish(shop)
        #expect(try await shop.count("SELECT count(*) FROM sales") == 2)
        #expect(try await shop.now(link).uses == 2)
        #expect(try await shop.faults() == [])
    }

    @Test("a lost answer is unknown, the buyer is told pending, and nothing is sent twice")
    func lostAnswer() async throws {
        let shop = try await Shop(.chain)
        let link = try await shop.link()
        shop.chain.plan(.lostAnswer)
        let settlement = try #require(try await shop.pay(link).pending)
        #expect(settlement.state == .unknown && !settlement.hash.isEmpty)
        #expect(try await shop.onlyPayment().status == .unknown)
        #expect(try await shop.events().suffix(2) == ["settlement.unknown", "payment.unknown"])
        #expect(try await shop.faults() == [])
        try await finish(shop)
        #expect(try await shop.onlyPayment().status == .completed)
        #expect(shop.chain.sends(of: settlement.hash) == 1 && shop.chain.needlessSends == 0)
        #expect(try await shop.events().suffix(3) == ["settlement.confirmed", "payment.completed", "sale.created"])
        #expect(try await shop.faults() == [])
    }

    @Test("lost again and again, it is unknown once")
    func lostTwice() async throws {
        let shop = try await Shop(.chain)
        shop.chain.plan(.lostAnswer, .lostAnswer, .unreachable, .lostAnswer)
        _ = try await shop.pay(try await shop.link())
        try await finish(shop)
        #expect(try await shop.events().filter { $0 == "payment.unknown" }.count == 1)
        #expect(try await shop.onlyPayment().status == .completed)
        #expect(shop.chain.transfers.count == 1 && shop.chain.needlessSends == 0)
        #expect(try await shop.faults() == [])
    }

    @Test("a buyer who asks again meanwhile gets the sale")
    func askedAgain() async throws {
        let shop = try await Shop(.chain)
        let link = try await shop.link()
        let payment = try await shop.signed(link)
        shop.chain.plan(.lostAnswer)
        #expect(try await shop.pay(link, with: payment).pending != nil)
        #expect(try await shop.pay(link, with: payment).sale != nil)
        #expect(shop.chain.transfers.count == 1 && shop.chain.needlessSends == 0)
        try await finish(shop)
        #expect(try await shop.count("SELECT count(*) FROM sales") == 1)
        #expect(try await shop.faults() == [])
    }

    @Test("what never arrived is sent again while it may land")
    func neverArrived() async throws {
        let shop = try await Shop(.chain)
        shop.chain.plan(.neverArrives)
        let settlement = try #require(try await shop.pay(try await shop.link()).pending)
        #expect(settlement.state == .unknown && shop.chain.transfers.isEmpty)
        try await finish(shop)
        #expect(try await shop.now(settlement).state == .confirmed)
        #expect(shop.chain.sends(of: settlement.hash) == 1)
        #expect(try await shop.faults() == [])
    }

    @Test("what never arrived and cannot land any more has failed, and what it held is free")
    func expiredUnused() async throws {
        let shop = try await Shop(.chain)
        let product = try await shop.product(stock: 1)
        let link = try await shop.link(to: product)
        shop.chain.plan(.neverArrives)
        let settlement = try #require(try await shop.pay(link).pending)
        shop.time.advance(by: .seconds(301))
        try await finish(shop)
        #expect(try await shop.now(settlement).state == .failed)
        #expect(try await shop.onlyPayment().status == .failed)
        #expect(shop.chain.transfers.isEmpty)
        let (after, shelf) = (try await shop.now(link), try await shop.now(product))
        #expect(after.held == 0 && after.uses == 0)
        #expect(shelf.stock == 1 && shelf.reserved == 0 && shelf.sold == 0)
        #expect(try await shop.faults() == [])
    }

    @Test("money spent between verifying and settling: refused, released, nothing charged")
    func spent() async throws {
        let shop = try await Shop(.chain)
        let product = try await shop.product(stock: 3)
        let link = try await shop.link(to: product)
        shop.chain.plan(.spent)
        let payer = try Shop.buyer(1).address.checksummed
        let refusal = try #require(try await shop.pay(link).refusal)
        #expect(refusal.reason == .insufficientBalance && refusal.payer == payer)
        let payment = try await shop.onlyPayment()
        #expect(payment.status == .failed && payment.failure == X402Refusal.Reason.insufficientBalance.rawValue)
        #expect(try await shop.events().suffix(3) == ["settlement.failed", "payment.failed", "reservation.released"])
        #expect(try await shop.texts("SELECT object FROM audit_log WHERE action = 'payment.failed'") == [payment.id])
        #expect(shop.chain.transfers.isEmpty)
        let (after, shelf) = (try await shop.now(link), try await shop.now(product))
        #expect(after.held == 0 && after.uses == 0)
        #expect(shelf.stock == 3 && shelf.reserved == 0 && shelf.sold == 0)
        #expect(try await shop.count("SELECT count(*) FROM sales") == 0)
        #expect(try await shop.count("SELECT count(*) FROM ledger_entries") == 0)
        #expect(try await shop.worker.tick() == nil)
        #expect(try await shop.faults() == [])
    }

    @Test("a transfer that is not final yet is asked about, and is no error")
    func pendingOutcome() async throws {
        let shop = try await Shop(.chain)
        shop.chain.setFinality(3)
        let settlement = try #require(try await shop.pay(try await shop.link()).pending)
        #expect(settlement.state == .sent && settlement.attempts == 0)
        try await finish(shop)
        let after = try await shop.now(settlement)
        #expect(after.state == .confirmed && after.attempts == 0 && after.parkedAt == nil)
        #expect(shop.chain.sends(of: settlement.hash) == 1)
        #expect(try await shop.faults() == [])
    }

    @Test("after five errors a person is asked to look, and the lookups go on")
    func parked() async throws {
        let shop = try await Shop(.chain)
        shop.chain.plan(.lostAnswer, .unreachable, .unreachable, .unreachable, .unreachable)
        let settlement = try #require(try await shop.pay(try await shop.link()).pending)
        try await finish(shop)
        let after = try await shop.now(settlement)
        #expect(after.parkedAt != nil && after.attempts == 5)
        #expect(after.state == .confirmed)
        #expect(try await shop.faults() == [])
    }

    @Test("a verification that cannot ask the network charges nobody")
    func verifying() async throws {
        let shop = try await Shop(.chain)
        let link = try await shop.link()
        shop.chain.misbehave(oneIn: 1, finalityBelow: 1)
        #expect(await problem { _ = try await shop.pay(link) } == "network_unavailable")
        #expect(try await shop.count("SELECT count(*) FROM payments") == 0)
    }

    @Test("a crash around the sending is survived", arguments: [SimulatedChain.Fault.powerCutBefore, .powerCutAfter])
    func crash(_ fault: SimulatedChain.Fault) async throws {
        let shop = try await Shop(.chain)
        let link = try await shop.link()
        shop.chain.plan(fault)
        await #expect(throws: PowerCut.self) { _ = try await shop.pay(link) }
        #expect(try await shop.onlyPayment().status == .settling)
        shop.power.restore()
        // Another process on the same file: whoever had the lease is gone.
        let later = Cashier(store: shop.store, rails: [shop.chain], tenders: [Shop.tender], rules: Shop.rules, world: shop.world)
        let now = shop.time.now()
        try await shop.store.write { db in try Settlement.endLeases(at: now, in: db) }
        #expect(try await SettlementWorker(later).tick() == nil)
        #expect(try await shop.onlyPayment().status == .completed)
        #expect(shop.chain.transfers.count == 1 && shop.chain.needlessSends == 0)
        #expect(try await shop.faults() == [])
    }

    @Test("an outcome that could not be written is taken up again without waiting for the lease")
    func dropped() async throws {
        let shop = try await Shop(.chain)
        let link = try await shop.link()
        // Accepted in the first commit; the power goes in the second, which would be the sale.
        shop.power.cut(after: 1)
        await #expect(throws: StoreFailure.self) { _ = try await shop.pay(link) }
        #expect(shop.chain.transfers.count == 1)
        shop.power.restore()
        try await shop.worker.tick()
        #expect(try await shop.onlyPayment().status == .completed)
        #expect(shop.chain.needlessSends == 0)
        #expect(try await shop.faults() == [])
    }

    @Test("a full disk refuses before anything is sent")
    func fullDisk() async throws {
        let shop = try await Shop(.chain)
        let link = try await shop.link()
        shop.power.fill()
        await #expect(throws: StoreFailure.self) { _ = try await shop.pay(link) }
        #expect(shop.chain.transfers.isEmpty)
        shop.power.restore()
        #expect(try await shop.pay(link).sale != nil)
    }

    @Test("a link that expires meanwhile does not lose a payment under way")
    func expiresMeanwhile() async throws {
        let shop = try await Shop(.chain)
        let end = shop.time.now() + .seconds(60)
        let link = try await shop.link { $0.expiresAt = end }
        shop.chain.plan(.lostAnswer)
        _ = try await shop.pay(link)
        shop.time.advance(by: .seconds(100))
        try await shop.reaper.tick()
        #expect(try await shop.now(link).state == .expired)
        try await finish(shop)
        #expect(try await shop.onlyPayment().status == .completed)
        #expect(try await shop.now(link).uses == 1)
        #expect(try await shop.faults() == [])
    }
}
