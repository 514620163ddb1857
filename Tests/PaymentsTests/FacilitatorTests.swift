import Access
import Kernel
import Payments
import Rails
import Sandbox
import Simulation
import Storage
import Testing

/// What other servers ask of Till.
@Suite struct FacilitatorTests {
    /// 2 USDC to somebody who is no seller of ours.
    private static let requirements = PaymentRequirements(
        network: EVMNetwork.baseSepolia.caip2, amount: "2000000", asset: Shop.usdc.address, payTo: "0x000000000000000000000000000000000000dEaD",
        maxTimeoutSeconds: 300, extra: Shop.usdc.extra)

    private func settle(_ payment: PaymentPayload, _ requirements: PaymentRequirements, _ shop: Shop) async throws -> SettleResponse {
        try await shop.cashier.settle(try Shop.request(payment, requirements), sellerID: shop.seller.id, livemode: false)
    }

    @Test("settles once, and says so afterwards", arguments: [1, 2])
    func settlesOnce(_ version: Int) async throws {
        let shop = try await Shop()
        let payment = try shop.sign(Self.requirements, by: Shop.buyer(1), version: version)
        let first = try await settle(payment, Self.requirements, shop)
        #expect(first.success && first.amount == "2000000" && first.network == EVMNetwork.baseSepolia.caip2)
        let payer = try Shop.buyer(1).address.checksummed
        #expect(first.payer == payer && !first.transaction.isEmpty)
        let second = try await settle(payment, Self.requirements, shop)
        #expect(!second.success && second.errorReason == "duplicate_settlement" && second.transaction == first.transaction)
        #expect(try await shop.balance(Self.requirements.payTo) == SandboxRail.faucetUnits + 2_000_000)
        #expect(try await shop.events() == ["settlement.queued", "settlement.confirmed"])
        #expect(try await shop.count("SELECT count(*) FROM payments") + shop.count("SELECT count(*) FROM sales") == 0)
        #expect(try await shop.faults() == [])
    }

    @Test("twenty times at once moves money once")
    func atOnce() async throws {
        let shop = try await Shop()
        let payment = try shop.sign(Self.requirements, by: Shop.buyer(1))
        let responses = try await withThrowingTaskGroup(of: SettleResponse.self, returning: [SettleResponse].self) { group in
            for _ in 0..<20 { group.addTask { try await settle(payment, Self.requirements, shop) } }
            var all: [SettleResponse] = []
            for try await response in group { all.append(response) }
            return all
        }
        let known: Set<String> = ["settlement_pending", "duplicate_settlement", "invalid_exact_evm_nonce_already_used"]
        #expect(responses.allSatisfy { $0.success || known.contains($0.errorReason ?? "") })
        #expect(try await settle(payment, Self.requirements, shop).errorReason == "duplicate_settlement")
        #expect(try await shop.balance(Self.requirements.payTo) == SandboxRail.faucetUnits + 2_000_000)
        #expect(try await shop.count("SELECT count(*) FROM settlements") == 1)
        #expect(try await shop.faults() == [])
    }

    @Test("verifying writes nothing and agrees with settling")
    func verifies() async throws {
        let shop = try await Shop()
        let payment = try shop.sign(Self.requirements, by: Shop.buyer(1))
        let request = try Shop.request(payment, Self.requirements)
        #expect(try await shop.cashier.verify(request).isValid)
        #expect(try await shop.count("SELECT count(*) FROM settlements") == 0)
        _ = try await settle(payment, Self.requirements, shop)
        let after = try await shop.cashier.verify(request)
        #expect(!after.isValid && after.invalidReason == "invalid_exact_evm_nonce_already_used")
    }

    @Test("settled outside a link, it pays for no link")
    func outsideFirst() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        let requirements = try #require(try await shop.cashier.offer(link.token).requirements.first)
        let payment = try shop.sign(requirements, by: Shop.buyer(1))
        #expect(try await settle(payment, requirements, shop).success)
        #expect(try await shop.pay(link, with: payment).refusal?.reason == .nonceUsed)
        #expect(try await shop.count("SELECT count(*) FROM sales") == 0)
        #expect(try await shop.now(link).held == 0)
        #expect(try await shop.balance(Shop.payTo) == SandboxRail.faucetUnits + 12_000_000)
        #expect(try await shop.faults() == [])
    }

    @Test("paid on a link, it is settled for nobody else")
    func linkFirst() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        let requirements = try #require(try await shop.cashier.offer(link.token).requirements.first)
        let payment = try shop.sign(requirements, by: Shop.buyer(1))
        let sale = try #require(try await shop.pay(link, with: payment).sale)
        let response = try await settle(payment, requirements, shop)
        #expect(!response.success && response.errorReason == "duplicate_settlement" && response.transaction == sale.hash)
        #expect(try await shop.balance(Shop.payTo) == SandboxRail.faucetUnits + 12_000_000)
    }

    @Test("under way on a link, it is settled for nobody else", arguments: [SimulatedChain.Fault.unreachable, .lostAnswer])
    func linkUnderWay(_ fault: SimulatedChain.Fault) async throws {
        let shop = try await Shop(.chain)
        let link = try await shop.link()
        let requirements = try #require(try await shop.cashier.offer(link.token).requirements.first)
        let payment = try shop.sign(requirements, by: Shop.buyer(1))
        shop.chain.plan(fault)
        #expect(try await shop.pay(link, with: payment).pending != nil)
        // The money may still come, for the link: somebody else must not deliver for it too.
        #expect(try await !settle(payment, requirements, shop).success)
        #expect(try await shop.pay(link, with: payment).sale != nil)
        #expect(shop.chain.transfers.count == 1)
        #expect(try await shop.faults() == [])
    }

    @Test("a lost answer is pending with its hash, and then a duplicate")
    func lostAnswer() async throws {
        let shop = try await Shop(.chain)
        let payment = try shop.sign(Self.requirements, by: Shop.buyer(1))
        shop.chain.plan(.lostAnswer, .unreachable)
        for _ in 0..<2 {
            let response = try await settle(payment, Self.requirements, shop)
            #expect(!response.success && response.errorReason == "settlement_pending" && !response.transaction.isEmpty)
        }
        for _ in 0..<10 {
            guard let due = try await shop.worker.tick() else { break }
            shop.time.advance(by: .milliseconds(max(1, due.milliseconds - shop.time.now().milliseconds)))
        }
        #expect(try await settle(payment, Self.requirements, shop).errorReason == "duplicate_settlement")
        #expect(shop.chain.transfers.count == 1 && shop.chain.needlessSends == 0)
        #expect(try await shop.faults() == [])
    }

    @Test("a refusal is said in x402's words, again and again")
    func refused() async throws {
        let shop = try await Shop(.chain)
        let payment = try shop.sign(Self.requirements, by: Shop.buyer(1))
        shop.chain.plan(.spent)
        for _ in 0..<2 {
            let response = try await settle(payment, Self.requirements, shop)
            #expect(!response.success && response.errorReason == "invalid_exact_evm_insufficient_balance")
        }
        #expect(shop.chain.transfers.isEmpty)
        #expect(try await shop.faults() == [])
    }

    @Test("another network than ours is refused by name")
    func otherNetwork() async throws {
        let shop = try await Shop()
        let base = PaymentRequirements(
            network: EVMNetwork.base.caip2, amount: "1", asset: Shop.usdc.address, payTo: Shop.payTo, maxTimeoutSeconds: 300, extra: Shop.usdc.extra)
        let payment = try shop.sign(base, by: Shop.buyer(1))
        #expect(try await settle(payment, base, shop).errorReason == X402Refusal.Reason.unknownNetwork.rawValue)
        #expect(try await settle(payment, Self.requirements, shop).errorReason == X402Refusal.Reason.networkMismatch.rawValue)
        #expect(try await shop.count("SELECT count(*) FROM settlements") == 0)
    }
}
