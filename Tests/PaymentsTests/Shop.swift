import Access
import Foundation
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
import Webhooks

/// A shop with one seller on a file of its own, in a simulated world.
final class Shop: Sendable {
    /// Where the money comes from.
    enum Network: Sendable {
        /// The sandbox, in the shop's own file.
        case sandbox
        /// A chain outside the file, which can be made to misbehave.
        case chain
    }

    static let schema: [Migration] = makeSchema()
    static let questions: [AuditQuestion] = makeQuestions()
    static let payTo = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
    static let actor = AuditLog.Actor("test")
    static let usdc = EVMToken.baseSepoliaUSDC
    static let tender = Tender(network: EVMNetwork.baseSepolia.caip2, asset: .usdc, contract: usdc.address, extra: usdc.extra, livemode: false)

    let store: Store
    let simulated: SimulatedWorld
    let power: Power
    let sandbox: SandboxRail
    let chain: SimulatedChain
    let cashier: Cashier
    let seller: Seller
    private let directory: URL

    var world: World { simulated.world }
    var time: SimulatedTime { simulated.time }
    var worker: SettlementWorker { SettlementWorker(cashier) }
    var reaper: ReservationReaper { ReservationReaper(store: store, world: world) }

    init(_ network: Network = .sandbox, seed: UInt64 = 1) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("till-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let simulated = World.simulated(seed: seed)
        let world = simulated.world
        let power = Power()
        var options = Store.Options()
        options.reserveBytes = 1
        options.freeBytes = { power.freeBytes() }
        let path = directory.appendingPathComponent("till.sqlite").path
        let store = try Store(path: path, schema: Shop.schema, options: options, now: world.time.now())
        let sandbox = SandboxRail(store: store, time: simulated.time)
        let chain = SimulatedChain(time: simulated.time, power: power, seed: seed)
        var rails: [any Rail] = []
        switch network {
        case .sandbox: rails.append(sandbox)
        case .chain: rails.append(chain)
        }
        let seller = try await store.write { db in try Shop.createSeller(world: world, in: db) }
        self.directory = directory
        self.simulated = simulated
        self.power = power
        self.store = store
        self.sandbox = sandbox
        self.chain = chain
        self.seller = seller
        cashier = Cashier(store: store, rails: rails, tenders: [Shop.tender], rules: Shop.rules, world: world)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// Nobody is given up waiting for, since here the clock jumps while somebody sleeps.
    static let rules: PaymentRules = makeRules()

    private static func makeRules() -> PaymentRules {
        var rules = PaymentRules()
        rules.answerWithin = nil
        rules.concurrency = 1
        return rules
    }

    private static func makeSchema() -> [Migration] {
        var all: [Migration] = StorageSchema.migrations
        all += AccessSchema.migrations
        all += GoodsSchema.migrations
        all += LedgerSchema.migrations
        all += WebhooksSchema.migrations
        all += SandboxSchema.migrations
        all += PaymentsSchema.migrations
        return all
    }

    private static func makeQuestions() -> [AuditQuestion] {
        var all: [AuditQuestion] = StorageSchema.questions
        all += AuditLog.questions
        all += LedgerSchema.questions
        all += SandboxSchema.questions
        all += PaymentsSchema.questions
        return all
    }

    static func createSeller(world: World, in db: Database) throws -> Seller {
        try Seller.create(
            named: "Tea and cake", sandboxNetwork: EVMNetwork.baseSepolia.caip2, sandboxAddress: payTo, sandboxKey: [1, 2, 3], world: world, in: db)
    }
}

extension Shop {
    /// A product at so many US cents.
    func product(cents: Int64 = 1_200, stock: Int64? = nil, content: String? = "code 42") async throws -> Product {
        let product = Product(
            id: world.newID(.product), sellerID: seller.id, livemode: false, name: "Tea", description: nil, price: Amount(cents, .usd), stock: stock,
            content: content, createdAt: time.now())
        try await store.write { db in try product.insert(in: db) }
        return product
    }

    /// A link without end at 12.00 USD, as `change` changes it.
    func link(_ change: @Sendable (inout PaymentLink.Draft) -> Void = { _ in }) async throws -> PaymentLink {
        var draft = PaymentLink.Draft()
        draft.title = "Tea"
        draft.price = .fixed(Amount(1_200, .usd))
        change(&draft)
        return try await create(draft)
    }

    /// A link to a product at its price.
    func link(to product: Product) async throws -> PaymentLink {
        var draft = PaymentLink.Draft()
        draft.productID = product.id
        return try await create(draft)
    }

    private func create(_ draft: PaymentLink.Draft) async throws -> PaymentLink {
        let (sellerID, world) = (seller.id, self.world)
        return try await store.write { db in
            try PaymentLink.create(draft, sellerID: sellerID, livemode: false, actor: Shop.actor, world: world, in: db)
        }
    }

    /// A buyer whose key follows from `number`.
    static func buyer(_ number: UInt64) throws -> EVMKey { try EVMKey(SeededChance(seed: 1_000 + number).bytes(32)) }

    /// Signs the first thing that `offer` asks for.
    func sign(_ offer: Offer, by buyer: EVMKey, nonce: UInt64 = 1, version: Int = 2) throws -> PaymentPayload {
        let requirements = try #require(offer.requirements.first)
        return try sign(requirements, by: buyer, nonce: nonce, version: version)
    }

    func sign(_ requirements: PaymentRequirements, by buyer: EVMKey, nonce: UInt64 = 1, version: Int = 2) throws -> PaymentPayload {
        try ExactEVM.pay(requirements, version: version, key: buyer, nonce: SeededChance(seed: nonce).bytes(32), at: time.now())
    }

    /// A signed payment of `link`, not sent yet.
    func signed(_ link: PaymentLink, by buyer: UInt64 = 1, nonce: UInt64 = 1) async throws -> PaymentPayload {
        let offer = try await cashier.offer(link.token)
        return try sign(offer, by: Shop.buyer(buyer), nonce: nonce)
    }

    func pay(_ link: PaymentLink, with payment: PaymentPayload) async throws -> Cashier.Receipt {
        try await cashier.pay(link.token, with: payment).receipt
    }

    /// Signs and sends.
    func pay(_ link: PaymentLink, by buyer: UInt64 = 1, nonce: UInt64 = 1) async throws -> Cashier.Receipt {
        let payment = try await signed(link, by: buyer, nonce: nonce)
        return try await pay(link, with: payment)
    }

    /// What another server would ask its facilitator.
    static func request(_ payment: PaymentPayload, _ requirements: PaymentRequirements) throws -> FacilitatorRequest {
        let asked: JSON
        if payment.version == 1 {
            asked = requirements.v1JSON(resource: "https://shop.example/tea", description: "", mimeType: "") ?? JSON.null
        } else {
            asked = requirements.json
        }
        let members: [JSON.Member] = [
            JSON.Member("x402Version", .integer(payment.version)), JSON.Member("paymentPayload", payment.json),
            JSON.Member("paymentRequirements", asked),
        ]
        return try FacilitatorRequest(json: .object(members))
    }
}

extension Shop {
    func now(_ link: PaymentLink) async throws -> PaymentLink {
        let found = try await store.read { db in try PaymentLink.find(token: link.token, in: db) }
        return try #require(found)
    }

    func now(_ product: Product) async throws -> Product {
        let sellerID = seller.id
        return try await store.read { db in try Product.find(product.id, sellerID: sellerID, livemode: false, in: db) }
    }

    func now(_ settlement: Settlement) async throws -> Settlement {
        let found = try await store.read { db in try Settlement.find(settlement.id, in: db) }
        return try #require(found)
    }

    /// The one payment of the shop.
    func onlyPayment() async throws -> Payment {
        let sellerID = seller.id
        let page = try await store.read { db in try Payment.list(sellerID: sellerID, livemode: false, page: PageRequest(), in: db) }
        #expect(page.items.count == 1)
        return try #require(page.items.first)
    }

    /// Units an address holds in the sandbox.
    func balance(_ address: String) async throws -> Int64 {
        try await store.read { db in try SandboxRail.balance(of: address, in: db).units }
    }

    /// One column of text, as the rows stand.
    func texts(_ sql: String) async throws -> [String] {
        try await store.read { db in try String.fetchAll(db, sql: sql) }
    }

    func count(_ sql: String) async throws -> Int {
        try await store.read { db in try Int.fetchOne(db, sql: sql) ?? 0 }
    }

    /// The types of all events, in order.
    func events() async throws -> [String] { try await texts("SELECT event_type FROM webhook_events ORDER BY sequence") }

    /// What every question of every module finds.
    func faults() async throws -> [String] {
        try await store.read { db in try Shop.faults(in: db) }
    }

    static func faults(in db: Database) throws -> [String] {
        var found: [String] = []
        for question in questions {
            for fault in try question.faults(db) { found.append(question.claim + ": " + fault) }
        }
        return found
    }
}

extension Cashier.Receipt {
    var sale: Sale? { if case .sold(let sale, _) = self { sale } else { nil } }
    var pending: Settlement? { if case .pending(let settlement) = self { settlement } else { nil } }
    var refusal: X402Refusal? { if case .refused(let refusal, _) = self { refusal } else { nil } }
}

/// The code of the problem that `body` ends in, or nil where it ends well.
func problem(_ body: @Sendable () async throws -> Void) async -> String? {
    do {
        try await body()
        return nil
    } catch let problem as Problem {
        return problem.code.name
    } catch {
        Issue.record(error)
        return nil
    }
}
