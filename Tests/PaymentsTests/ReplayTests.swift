import GRDB
import Kernel
import Payments
import Rails
import Simulation
import Storage
import Testing

/// The same authorization twice.
@Suite struct ReplayTests {
    @Test("the same payload on the same link is the same sale")
    func sameSale() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        let payment = try await shop.signed(link)
        let first = try #require(try await shop.pay(link, with: payment).sale)
        let events = try await shop.events()
        #expect(try await shop.pay(link, with: payment).sale == first)
        #expect(try await shop.events() == events)
        #expect(try await shop.count("SELECT count(*) FROM payments") == 1)
        #expect(try await shop.faults() == [])
    }

    @Test("twenty times at once sells once")
    func atOnce() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        let payment = try await shop.signed(link)
        let receipts = try await withThrowingTaskGroup(of: Cashier.Receipt.self, returning: [Cashier.Receipt].self) { group in
            for _ in 0..<20 { group.addTask { try await shop.pay(link, with: payment) } }
            var all: [Cashier.Receipt] = []
            for try await receipt in group { all.append(receipt) }
            return all
        }
        // Whoever is not first is told the sale or, a moment earlier, that it is under way. Nobody is refused.
        #expect(receipts.allSatisfy { $0.sale != nil || $0.pending != nil })
        #expect(Set(receipts.compactMap { $0.sale?.id }).count == 1)
        let sale = try #require(try await shop.pay(link, with: payment).sale)
        #expect(try await shop.texts("SELECT id FROM sales") == [sale.id])
        #expect(try await shop.faults() == [])
    }

    @Test("on another link of the same price it is refused")
    func otherLink() async throws {
        let shop = try await Shop()
        let (link, other) = (try await shop.link(), try await shop.link())
        let payment = try await shop.signed(link)
        _ = try await shop.pay(link, with: payment)
        #expect(try await shop.pay(other, with: payment).refusal?.reason == .nonceUsed)
        #expect(try await shop.now(other).uses == 0)
        #expect(try await shop.count("SELECT count(*) FROM sales") == 1)
    }

    @Test("another authorization with the same nonce is refused")
    func sameNonce() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        _ = try await shop.pay(link, nonce: 7)
        shop.time.advance(by: .seconds(10))
        #expect(try await shop.pay(link, nonce: 7).refusal?.reason == .nonceUsed)
        #expect(try await shop.count("SELECT count(*) FROM sales") == 1)
    }

    @Test("a buyer who lost the answer gets it from a link that is used up, closed or expired since, and after the window")
    func late() async throws {
        let shop = try await Shop()
        let end = shop.time.now() + .seconds(60)
        let link = try await shop.link {
            $0.maxUses = 1
            $0.expiresAt = end
        }
        let payment = try await shop.signed(link)
        let sale = try #require(try await shop.pay(link, with: payment).sale)
        #expect(try await shop.pay(link, with: payment).sale == sale)
        shop.time.advance(by: .seconds(1_000))
        try await shop.reaper.tick()
        #expect(try await shop.now(link).state == .expired)
        #expect(try await shop.pay(link, with: payment).sale == sale)
    }

    @Test("after a refund there is nothing to deliver any more")
    func refunded() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        let payment = try await shop.signed(link)
        _ = try await shop.pay(link, with: payment)
        try await shop.store.write { db in try db.run("UPDATE payments SET status = 'refunded'") }
        #expect(await problem { _ = try await shop.pay(link, with: payment) } == "payment_refunded")
    }

    @Test("a payment the network refused stays refused, with its reason")
    func failed() async throws {
        let shop = try await Shop(.chain)
        let link = try await shop.link()
        let payment = try await shop.signed(link)
        shop.chain.plan(.spent)
        #expect(try await shop.pay(link, with: payment).refusal?.reason == .insufficientBalance)
        #expect(try await shop.pay(link, with: payment).refusal?.reason == .insufficientBalance)
        #expect(shop.chain.transfers.isEmpty)
        #expect(try await shop.faults() == [])
    }
}
