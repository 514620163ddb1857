import GRDB
import Goods
import Kernel
import Ledger
import Payments
import Rails
import Sandbox
import Simulation
import Storage
import Testing

@Suite struct SaleTests {
    @Test("a payment becomes a sale, with everything that belongs to it")
    func endToEnd() async throws {
        let shop = try await Shop()
        let product = try await shop.product(stock: 5)
        let link = try await shop.link(to: product)
        let sale = try #require(try await shop.pay(link).sale)
        let payment = try await shop.onlyPayment()
        let payer = try Shop.buyer(1).address.checksummed
        #expect(payment.status == .completed && payment.payer == payer && payment.amount == Amount(12_000_000, .usdc))
        #expect(sale.paymentID == payment.id && sale.linkID == link.id && sale.productID == product.id && sale.title == "Tea")
        #expect(sale.gross == Amount(12_000_000, .usdc) && sale.fee == Amount(0, .usdc) && sale.net == sale.gross)
        #expect(sale.payer == payer && sale.content == "code 42" && sale.network == EVMNetwork.baseSepolia.caip2)
        #expect(try await shop.texts("SELECT hash FROM settlements WHERE state = 'confirmed'") == [sale.hash])
        let expected: [String] = [
            "link.created", "payment.created", "payment.verified", "settlement.queued", "settlement.confirmed", "payment.completed", "sale.created",
        ]
        #expect(try await shop.events() == expected)
        #expect(try await shop.texts("SELECT action FROM audit_log ORDER BY sequence") == ["seller.created", "link.created", "sale.created"])
        #expect(try await shop.texts("SELECT actor FROM audit_log WHERE action = 'sale.created'") == ["buyer:" + payer])
        let (usedLink, soldProduct) = (try await shop.now(link), try await shop.now(product))
        #expect(usedLink.uses == 1 && usedLink.held == 0)
        #expect(soldProduct.stock == 4 && soldProduct.reserved == 0 && soldProduct.sold == 1)
        #expect(try await shop.balance(payer) == SandboxRail.faucetUnits - 12_000_000)
        #expect(try await shop.balance(Shop.payTo) == SandboxRail.faucetUnits + 12_000_000)
        #expect(try await postings(sale, shop) == ["rail:eip155:84532": 12_000_000, "seller:available": -12_000_000])
        #expect(try await shop.faults() == [])
    }

    private func postings(_ sale: Sale, _ shop: Shop) async throws -> [String: Int64] {
        try await shop.store.read { db in try Journal.postings(of: .sale, reference: sale.id, in: db) }
    }

    @Test("what the seller gets is the content of the link where no product brings its own")
    func content() async throws {
        let shop = try await Shop()
        let plain = try await shop.link { $0.content = "thank you" }
        #expect(try await shop.pay(plain).sale?.content == "thank you")
    }

    @Test("a version 1 client buys as well")
    func firstVersion() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        let payment = try shop.sign(try await shop.cashier.offer(link.token), by: Shop.buyer(1), version: 1)
        #expect(try await shop.pay(link, with: payment).sale != nil)
    }

    struct Fee: Sendable {
        let basisPoints: Int64
        let fixedCents: Int64
        /// Of 12 USDC. Unit: 10⁻⁶ USDC.
        let units: Int64
    }

    static let fees: [Fee] = [
        Fee(basisPoints: 0, fixedCents: 0, units: 0),
        Fee(basisPoints: 250, fixedCents: 0, units: 300_000),
        Fee(basisPoints: 250, fixedCents: 30, units: 600_000),
        Fee(basisPoints: 10_000, fixedCents: 0, units: 12_000_000),
        Fee(basisPoints: 0, fixedCents: 5_000, units: 12_000_000),
    ]

    @Test("fees are postings of the sale's own entry", arguments: fees)
    func charges(_ fee: Fee) async throws {
        let shop = try await Shop()
        let now = shop.time.now()
        try await shop.store.write { db in
            try FeeSchedule(basisPoints: fee.basisPoints, fixed: Amount(fee.fixedCents, .usd)).enact(at: now, in: db)
        }
        let link = try await shop.link()
        let sale = try #require(try await shop.pay(link).sale)
        #expect(sale.fee.units == fee.units && sale.feeSchedule == 1)
        var expected: [String: Int64] = ["rail:eip155:84532": 12_000_000]
        if fee.units < 12_000_000 { expected["seller:available"] = fee.units - 12_000_000 }
        if fee.units > 0 { expected["fees:platform"] = -fee.units }
        #expect(try await postings(sale, shop) == expected)
        #expect(try await shop.faults() == [])
    }

    @Test("a sale keeps the schedule it was charged under")
    func schedules() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        for (number, basisPoints) in [100, 200, 200].enumerated() {
            let now = shop.time.now()
            try await shop.store.write { db in try FeeSchedule(basisPoints: Int64(basisPoints), fixed: Amount(0, .usd)).enact(at: now, in: db) }
            _ = try await shop.pay(link, by: UInt64(number), nonce: UInt64(number))
        }
        #expect(try await shop.texts("SELECT fee_schedule || ' ' || fee_units FROM sales ORDER BY id") == ["1 120000", "2 240000", "2 240000"])
        #expect(try await shop.faults() == [])
    }

    @Test("the buyer of an open link chooses within the bounds")
    func openAmount() async throws {
        let shop = try await Shop()
        let link = try await shop.link { $0.price = .open(min: Amount(1_000_000, .usdc), max: Amount(10_000_000, .usdc)) }
        for wrong in ["0.99", "10.000001", "0", "-5", "1e3", "", "5.0000001"] {
            #expect(await problem { _ = try await shop.cashier.offer(link.token, chosen: wrong) } == "invalid_amount", "\(wrong)")
        }
        for (chosen, units) in [("1.00", "1000000"), ("10", "10000000"), ("5.5", "5500000")] {
            #expect(try await shop.cashier.offer(link.token, chosen: chosen).requirements.first?.amount == units)
        }
        #expect(try await shop.cashier.offer(link.token).price == Amount(1_000_000, .usdc))
        let payment = try shop.sign(try await shop.cashier.offer(link.token, chosen: "5.5"), by: Shop.buyer(1))
        // Signed for 5.50 and sent to the offer of another amount: matched against what the server asks now.
        #expect(try await shop.cashier.pay(link.token, chosen: "5.4", with: payment).receipt.refusal?.reason == .invalidRequirements)
        #expect(try await shop.cashier.pay(link.token, chosen: "5.5", with: payment).receipt.sale?.gross == Amount(5_500_000, .usdc))
        #expect(try await shop.faults() == [])
    }

    @Test("terms that are not ours are refused, and nothing is written")
    func tampered() async throws {
        let shop = try await Shop()
        let link = try await shop.link()
        let good = try #require(try await shop.cashier.offer(link.token).requirements.first)
        let tampered: [PaymentRequirements] = [
            Self.changed(good, amount: "1"), Self.changed(good, payTo: "0x000000000000000000000000000000000000dEaD"),
            Self.changed(good, seconds: 301), Self.changed(good, network: "eip155:8453"),
        ]
        for requirements in tampered {
            let payment = try shop.sign(requirements, by: Shop.buyer(1))
            let refusal = try #require(try await shop.pay(link, with: payment).refusal)
            #expect(refusal.reason == .invalidRequirements && refusal.message == "No matching payment requirements")
        }
        // Version 1 repeats no terms: what was signed is compared instead.
        let cheap = try shop.sign(Self.changed(good, amount: "1"), by: Shop.buyer(1), version: 1)
        #expect(try await shop.pay(link, with: cheap).refusal?.reason == .valueMismatch)
        let stolen = try shop.sign(Self.changed(good, payTo: "0x000000000000000000000000000000000000dEaD"), by: Shop.buyer(1), version: 1)
        #expect(try await shop.pay(link, with: stolen).refusal?.reason == .recipientMismatch)
        #expect(try await shop.count("SELECT count(*) FROM payments") == 0)
        #expect(try await shop.events() == ["link.created"])
    }

    private static func changed(
        _ good: PaymentRequirements, network: String? = nil, amount: String? = nil, payTo: String? = nil, seconds: Int? = nil
    ) -> PaymentRequirements {
        PaymentRequirements(
            scheme: good.scheme, network: network ?? good.network, amount: amount ?? good.amount, asset: good.asset, payTo: payTo ?? good.payTo,
            maxTimeoutSeconds: seconds ?? good.maxTimeoutSeconds, extra: good.extra)
    }

    @Test("a buyer without the money is refused, and nothing is held")
    func poor() async throws {
        let shop = try await Shop()
        let link = try await shop.link { $0.price = .fixed(Amount(1_000_000_001, .usdc)) }
        #expect(try await shop.pay(link).refusal?.reason == .insufficientBalance)
        #expect(try await shop.count("SELECT count(*) FROM payments") == 0)
        #expect(try await shop.now(link).held == 0)
    }
}
