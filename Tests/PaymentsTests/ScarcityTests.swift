import Access
import Kernel
import Payments
import Rails
import Sandbox
import Simulation
import Storage
import Testing

/// What there is one of, and what is closed.
@Suite struct ScarcityTests {
    enum Scarce: String, Sendable, CaseIterable {
        case oneTimeLink, lastUnit

        var refusal: String {
            switch self {
            case .oneTimeLink: "link_used_up"
            case .lastUnit: "out_of_stock"
            }
        }
    }

    private func makeLink(_ scarce: Scarce, _ shop: Shop) async throws -> PaymentLink {
        switch scarce {
        case .oneTimeLink: return try await shop.link { $0.maxUses = 1 }
        case .lastUnit: return try await shop.link(to: try await shop.product(stock: 1))
        }
    }

    @Test("fifty buyers at once: one sale, and nobody else is charged", arguments: Scarce.allCases)
    func fiftyBuyers(_ scarce: Scarce) async throws {
        let shop = try await Shop()
        let link = try await makeLink(scarce, shop)
        var payments: [PaymentPayload] = []
        for number in 0..<50 { payments.append(try await shop.signed(link, by: UInt64(number), nonce: UInt64(number))) }
        let ends = await endings(of: payments, on: link, shop)
        #expect(ends.count == 50 && ends.filter { $0 == "sold" }.count == 1)
        #expect(ends.filter { $0 == scarce.refusal }.count == 49)
        var charged = 0
        for number in 0..<50 {
            let held = try await shop.balance(Shop.buyer(UInt64(number)).address.checksummed)
            if held == SandboxRail.faucetUnits - 12_000_000 { charged += 1 } else { #expect(held == SandboxRail.faucetUnits) }
        }
        #expect(charged == 1)
        let after = try await shop.now(link)
        #expect(after.uses == 1 && after.held == 0)
        #expect(try await shop.count("SELECT count(*) FROM sales") == 1)
        #expect(try await shop.count("SELECT count(*) FROM payments") == 1)
        #expect(try await shop.faults() == [])
    }

    /// How each payment ended, all at once: `sold`, or the code of its problem.
    private func endings(of payments: [PaymentPayload], on link: PaymentLink, _ shop: Shop) async -> [String] {
        await withTaskGroup(of: String.self, returning: [String].self) { group in
            for payment in payments {
                group.addTask {
                    let refusal = await problem {
                        let sale = try await shop.pay(link, with: payment).sale
                        #expect(sale != nil)
                    }
                    return refusal ?? "sold"
                }
            }
            var all: [String] = []
            for await end in group { all.append(end) }
            return all
        }
    }

    @Test("what a failed payment held can be bought by the next", arguments: Scarce.allCases)
    func released(_ scarce: Scarce) async throws {
        let shop = try await Shop(.chain)
        let link = try await makeLink(scarce, shop)
        let next = try await shop.signed(link, by: 2, nonce: 2)
        shop.chain.plan(.spent)
        #expect(try await shop.pay(link, by: 1, nonce: 1).refusal?.reason == .insufficientBalance)
        #expect(try await shop.pay(link, with: next).sale != nil)
        #expect(try await shop.faults() == [])
    }

    @Test("what a payment under way holds is not sold again", arguments: Scarce.allCases)
    func held(_ scarce: Scarce) async throws {
        let shop = try await Shop(.chain)
        let link = try await makeLink(scarce, shop)
        let next = try await shop.signed(link, by: 2, nonce: 2)
        shop.chain.plan(.lostAnswer)
        #expect(try await shop.pay(link, by: 1, nonce: 1).pending != nil)
        #expect(await problem { _ = try await shop.pay(link, with: next) } == scarce.refusal)
        #expect(await problem { _ = try await shop.cashier.offer(link.token) } == scarce.refusal)
        #expect(shop.chain.transfers.count == 1)
    }

    @Test("an expired link is refused, with or without the reaper")
    func expired() async throws {
        let shop = try await Shop()
        let end = shop.time.now() + .seconds(60)
        let link = try await shop.link { $0.expiresAt = end }
        let payment = try await shop.signed(link)
        shop.time.advance(by: .seconds(60))
        for _ in 0..<2 {
            #expect(await problem { _ = try await shop.cashier.offer(link.token) } == "link_expired")
            #expect(await problem { _ = try await shop.pay(link, with: payment) } == "link_expired")
            try await shop.reaper.tick()
        }
        #expect(try await shop.count("SELECT count(*) FROM payments") == 0)
    }

    @Test("a closed link is refused")
    func inactive() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        let payment = try await shop.signed(link)
        let (world, sellerID) = (shop.world, shop.seller.id)
        for _ in 0..<2 {
            let closed = try await shop.store.write { db in
                try PaymentLink.deactivate(link.id, sellerID: sellerID, livemode: false, actor: Shop.actor, world: world, in: db)
            }
            #expect(closed.state == .inactive)
        }
        #expect(await problem { _ = try await shop.cashier.offer(link.token) } == "link_inactive")
        #expect(await problem { _ = try await shop.pay(link, with: payment) } == "link_inactive")
        #expect(try await shop.count("SELECT count(*) FROM audit_log WHERE action = 'link.deactivated'") == 1)
    }

    @Test("there is no link but those that were made")
    func unknown() async throws {
        let shop = try await Shop()
        #expect(await problem { _ = try await shop.cashier.offer("0123456789abcdef0123456789abcdef") } == "link_not_found")
    }

    @Test("a price that no tender is at par with cannot be paid")
    func notPayable() async throws {
        let shop = try await Shop()
        let link = try await shop.link { $0.price = .fixed(Amount(1_200, .eur)) }
        #expect(await problem { _ = try await shop.cashier.offer(link.token) } == "not_payable")
    }
}
