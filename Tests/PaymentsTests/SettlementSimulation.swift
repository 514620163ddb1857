import Access
import Foundation
import GRDB
import Goods
import Kernel
import Ledger
import Payments
import Rails
import Simulation
import Storage
import Testing
import Webhooks

/// The real code in a world that misbehaves, for many seeds: one thing at a time, so
/// that the same seed gives the same run.
///
/// A failure names its seed: `SEED=7 swift test --filter SettlementSimulation` runs it alone.
@Suite struct SettlementSimulation {
    static let seeds: [UInt64] = makeSeeds()

    private static func makeSeeds() -> [UInt64] {
        let named = ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) }
        if let named { return [named] }
        return Array(1...40)
    }

    @Test("money moves once, every sale is recorded, and everything ends", arguments: seeds)
    func settles(_ seed: UInt64) async throws {
        let first = try await Run(seed: seed).play()
        let again = try await Run(seed: seed).play()
        let difference: String? = zip(first, again).first { $0.0 != $0.1 }.map { "\($0.0) | \($0.1)" }
        #expect(difference == nil && first.count == again.count, "the same seed must give the same run")
    }
}

/// One process of Till on the file, as long as it lives.
private struct Till: Sendable {
    let store: Store
    let world: World
    let cashier: Cashier
    let worker: SettlementWorker
    let reaper: ReservationReaper
    let sellerID: String

    /// Starts on the file at `path`, as the appliance does: ids above the newest in it,
    /// and no lease of a process that is gone.
    static func start(at path: String, in simulated: SimulatedWorld, on chain: SimulatedChain, power: Power) async throws -> Till {
        var options = Store.Options()
        options.reserveBytes = 1
        options.freeBytes = { power.freeBytes() }
        let now = simulated.time.now()
        let store = try Store(path: path, schema: Shop.schema, options: options, now: now)
        let world = World(time: simulated.time, chance: simulated.chance, network: simulated.network, disk: simulated.disk)
        let newest = try await store.read { db in try Event.newestTime(in: db) }
        if let newest { world.ids.raise(to: newest) }
        let seller = try await store.write { db -> Seller in
            try Settlement.endLeases(at: now, in: db)
            if let seller = try Seller.first(in: db) { return seller }
            return try Shop.createSeller(world: world, in: db)
        }
        let cashier = Cashier(store: store, rails: [chain], tenders: [Shop.tender], rules: Shop.rules, world: world)
        return Till(
            store: store, world: world, cashier: cashier, worker: SettlementWorker(cashier), reaper: ReservationReaper(store: store, world: world),
            sellerID: seller.id)
    }
}

/// One buyer's payment, as the buyer remembers it.
private struct Purchase {
    let link: PaymentLink
    let chosen: String?
    let requirements: PaymentRequirements
    let payment: PaymentPayload
    var saleID: String?
    /// The facilitator settled it for somebody else.
    var isSettledOutside = false
}

/// One run: a shop, its buyers, and everything that can go wrong.
private final class Run {
    private let simulated: SimulatedWorld
    /// What happens next. Not the world's own chance, so that ids do not depend on it.
    private let chance: SeededChance
    private let power: Power
    private let chain: SimulatedChain
    private let buyers: [EVMKey]
    private let directory: URL
    private var generation = 0
    private var till: Till
    private var links: [PaymentLink] = []
    private var products: [String] = []
    private var purchases: [Purchase] = []
    private var trace: [String] = []

    private static let steps = 90
    private static let elsewhere = "0x000000000000000000000000000000000000dEaD"

    init(seed: UInt64) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("till-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let simulated = World.simulated(seed: seed)
        let power = Power()
        let chain = SimulatedChain(time: simulated.time, power: power, seed: seed ^ 0x6368_6169_6e21)
        var buyers: [EVMKey] = []
        for number: UInt64 in 0..<8 { buyers.append(try Shop.buyer(number)) }
        till = try await Till.start(at: Run.path(in: directory, 0), in: simulated, on: chain, power: power)
        self.directory = directory
        self.simulated = simulated
        self.power = power
        self.chain = chain
        self.buyers = buyers
        chance = SeededChance(seed: seed ^ 0x7374_6570_7321)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    private static func path(in directory: URL, _ generation: Int) -> String {
        directory.appendingPathComponent("\(generation).sqlite").path
    }

    private func note(_ line: String) { trace.append(line) }

    /// Everything that happened and everything that stands in the file afterwards.
    func play() async throws -> [String] {
        chain.misbehave(oneIn: 4, finalityBelow: 3)
        for step in 0..<Self.steps {
            note("\(step) at \(simulated.time.now().rfc3339)")
            do {
                try await act()
            } catch let problem as Problem {
                note("problem \(problem.code.name)")
            } catch let refusal as X402Refusal {
                note("refused \(refusal.reason.rawValue)")
            } catch is StoreFailure {
                note("store failure")
            } catch is NetworkFailure {
                note("network failure")
            } catch is PowerCut {
                note("power cut")
            }
            if power.isOff { try await restart(cleanly: false) }
        }
        try await heal()
        try await check()
        let standing = try await rows()
        return trace + standing
    }

    private func act() async throws {
        switch chance.below(20) {
        case 0, 1: try await makeLink()
        case 2, 3, 4, 5, 6: try await buy()
        case 7, 8: try await buyAgain()
        case 9: try await settleForOthers()
        case 10, 11, 12:
            let due = try await till.worker.tick()
            note("worker, next \(due?.rfc3339 ?? "never")")
        case 13:
            try await till.reaper.tick()
            note("reaper")
        case 14, 15: simulated.time.advance(by: .seconds(1 + chance.below(40)))
        case 16: setClock()
        case 17: try await holdOrClose()
        case 18: trouble()
        default: try await restart(cleanly: chance.oneIn(3))
        }
    }

    private func makeLink() async throws {
        var draft = PaymentLink.Draft()
        draft.title = "Tea"
        switch chance.below(3) {
        case 0: draft.price = .open(min: Amount(1_000_000, .usdc), max: Amount(3_000_000, .usdc))
        case 1: draft.price = .fixed(Amount(Int64(1 + chance.below(500)), .usd))
        default: draft.productID = try await pickProduct()
        }
        if chance.oneIn(3) { draft.maxUses = Int64(1 + chance.below(2)) }
        if chance.oneIn(4) { draft.expiresAt = simulated.time.now() + .seconds(30 + chance.below(300)) }
        let (made, sellerID, world) = (draft, till.sellerID, till.world)
        let link = try await till.store.write { db in
            try PaymentLink.create(made, sellerID: sellerID, livemode: false, actor: Shop.actor, world: world, in: db)
        }
        links.append(link)
        note("link \(link.id)")
    }

    /// A product there is, or a new one with little on the shelf.
    private func pickProduct() async throws -> String {
        if !products.isEmpty && chance.oneIn(2) { return products[chance.below(products.count)] }
        let product = Product(
            id: till.world.newID(.product), sellerID: till.sellerID, livemode: false, name: "Cake", description: nil,
            price: Amount(Int64(1 + chance.below(500)), .usd), stock: chance.oneIn(3) ? nil : Int64(1 + chance.below(3)), content: "code",
            createdAt: simulated.time.now())
        try await till.store.write { db in try product.insert(in: db) }
        products.append(product.id)
        return product.id
    }

    private func buy() async throws {
        guard !links.isEmpty else { return note("no link") }
        let link = links[chance.below(links.count)]
        var chosen: String?
        if case .open = link.price { chosen = "\(1 + chance.below(3)).00" }
        let offer = try await till.cashier.offer(link.token, chosen: chosen)
        let requirements = try #require(offer.requirements.first)
        // The buyer's clock is right, whatever ours says.
        let payment = try ExactEVM.pay(
            requirements, version: chance.oneIn(3) ? 1 : 2, key: buyers[chance.below(buyers.count)], nonce: chance.bytes(32), at: chain.now)
        purchases.append(Purchase(link: link, chosen: chosen, requirements: requirements, payment: payment, saleID: nil))
        try await send(purchases.count - 1)
    }

    private func buyAgain() async throws {
        guard !purchases.isEmpty else { return note("no purchase") }
        let place = chance.below(purchases.count)
        if !chance.oneIn(4) { return try await send(place) }
        // The same authorization on whatever other link: never a second sale.
        let purchase = purchases[place]
        let other = links[chance.below(links.count)]
        if other.id == purchase.link.id { return try await send(place) }
        let receipt = try await till.cashier.pay(other.token, chosen: purchase.chosen, with: purchase.payment).receipt
        if purchase.saleID != nil { #expect(receipt.sale == nil) }
        note("other link: \(Self.words(receipt))")
    }

    private func send(_ place: Int) async throws {
        let purchase = purchases[place]
        let receipt = try await till.cashier.pay(purchase.link.token, chosen: purchase.chosen, with: purchase.payment).receipt
        if let sale = receipt.sale {
            #expect(!purchase.isSettledOutside, "what was settled for somebody else paid for a link")
            if let known = purchase.saleID { #expect(sale.id == known, "one authorization, two sales") }
            purchases[place].saleID = sale.id
        } else {
            #expect(purchase.saleID == nil, "a sale was forgotten")
        }
        note("purchase \(place): \(Self.words(receipt))")
    }

    private static func words(_ receipt: Cashier.Receipt) -> String {
        switch receipt {
        case .sold(let sale, _): "sold \(sale.id)"
        case .pending(let settlement): "pending \(settlement.id) \(settlement.state.rawValue)"
        case .refused(let refusal, _): "refused \(refusal.reason.rawValue)"
        }
    }

    /// Through the facilitator: somebody else's payment, or one that was meant for a link.
    private func settleForOthers() async throws {
        let payment: PaymentPayload
        let requirements: PaymentRequirements
        var place: Int?
        if !purchases.isEmpty && chance.oneIn(2) {
            let chosen = chance.below(purchases.count)
            place = chosen
            payment = purchases[chosen].payment
            requirements = purchases[chosen].requirements
        } else {
            requirements = PaymentRequirements(
                network: chain.network, amount: String(1 + chance.below(1_000_000)), asset: Shop.usdc.address, payTo: Self.elsewhere,
                maxTimeoutSeconds: 300, extra: Shop.usdc.extra)
            payment = try ExactEVM.pay(
                requirements, version: 2, key: buyers[chance.below(buyers.count)], nonce: chance.bytes(32), at: chain.now)
        }
        let request = try Shop.request(payment, requirements)
        let response = try await till.cashier.settle(request, sellerID: till.sellerID, livemode: false)
        if let place, response.success {
            #expect(purchases[place].saleID == nil, "what paid for a link was settled for somebody else")
            purchases[place].isSettledOutside = true
        }
        note("facilitator: \(response.success) \(response.errorReason ?? "") \(response.transaction)")
    }

    private func holdOrClose() async throws {
        guard !links.isEmpty else { return note("no link") }
        let link = links[chance.below(links.count)]
        let (world, sellerID, duration) = (till.world, till.sellerID, Shop.rules.reservation)
        if chance.oneIn(4) {
            let closed = try await till.store.write { db in
                try PaymentLink.deactivate(link.id, sellerID: sellerID, livemode: false, actor: Shop.actor, world: world, in: db)
            }
            return note("closed \(closed.id)")
        }
        let offer = try await till.cashier.offer(link.token)
        let id = try await till.store.write { db in try Payment.hold(offer, for: duration, world: world, in: db) }
        note("held \(id)")
    }

    /// Our clock is wrong by up to ten minutes, or right again. The chain's is not touched.
    private func setClock() {
        let drift = chance.oneIn(2) ? 0 : chance.below(1_200) - 600
        simulated.time.set(chain.now + .seconds(drift))
        note("clock off by \(drift) s")
    }

    /// The disk fills up or gets room again, or the power ends some commits from now.
    private func trouble() {
        switch chance.below(3) {
        case 0:
            power.fill()
            note("disk full")
        case 1:
            power.restore()
            note("room again")
        default:
            let commits = chance.below(4)
            power.cut(after: commits)
            note("power ends after \(commits) commits")
        }
    }

    /// Ends the process and starts another on what it left on the disk.
    ///
    /// After a crash that is the file and its WAL, as a copy: the old connections are
    /// never asked to write what they would write when closed.
    private func restart(cleanly: Bool) async throws {
        if cleanly { try await till.store.close() }
        let (old, new) = (Self.path(in: directory, generation), Self.path(in: directory, generation + 1))
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: old + suffix) {
            try FileManager.default.copyItem(atPath: old + suffix, toPath: new + suffix)
        }
        generation += 1
        power.restore()
        till = try await Till.start(at: new, in: simulated, on: chain, power: power)
        note(cleanly ? "stopped and started" : "crashed and started")
    }

    /// Ends every fault, and ticks from due to due until nothing is open.
    private func heal() async throws {
        power.restore()
        chain.heal()
        simulated.time.set(chain.now)
        var due = try await till.worker.tick()
        for _ in 0..<1_000 {
            guard let next = due else { break }
            simulated.time.advance(by: .milliseconds(max(1, next.milliseconds - simulated.time.now().milliseconds)))
            due = try await till.worker.tick()
        }
        #expect(due == nil, "settlements are still open")
        simulated.time.advance(by: .seconds(3_600))
        try await till.reaper.tick()
        // Every buyer who has a sale can still have it.
        for place in purchases.indices where purchases[place].saleID != nil { try await send(place) }
        note("healed")
    }

    private func texts(_ sql: String) async throws -> [String] {
        try await till.store.read { db in try String.fetchAll(db, sql: sql) }
    }

    private func number(_ sql: String) async throws -> Int64 {
        try await till.store.read { db in try Int64.fetchOne(db, sql: sql) ?? 0 }
    }

    private func check() async throws {
        // The chain's view and ours: what moved is what is confirmed, and nothing moved or was sent for nothing.
        let moved = chain.transfers.map(\.hash)
        #expect(Set(moved).count == moved.count && chain.needlessSends == 0)
        #expect(try await texts("SELECT hash FROM settlements WHERE state = 'confirmed' ORDER BY hash") == moved.sorted())
        let paying = try await texts("SELECT hash FROM settlements WHERE state = 'confirmed' AND payment_id IS NOT NULL ORDER BY hash")
        #expect(try await texts("SELECT hash FROM sales ORDER BY hash") == paying)
        let books = Books(sellerID: till.sellerID, livemode: false)
        let balances = try await till.store.read { db in try Journal.balances(of: books, in: db) }
        let rail = balances.filter { $0.account == "rail:" + chain.network }.reduce(0 as Int64) { (sum: Int64, balance: Balance) -> Int64 in
            sum + balance.amount.units
        }
        let direct = try await number(
            """
            SELECT sum(CAST(atomic_amount AS INTEGER)) FROM settlements
            WHERE state = 'confirmed' AND payment_id IS NULL AND pay_to = '\(Shop.payTo)'
            """)
        #expect(chain.received(Shop.payTo) == rail + direct, "the books are not what the chain says")

        // Each sale once in every book, and every end an end.
        let sales = try await number("SELECT count(*) FROM sales")
        #expect(try await number("SELECT count(*) FROM ledger_entries WHERE kind = 'sale'") == sales)
        #expect(try await number("SELECT count(*) FROM webhook_events WHERE event_type = 'sale.created'") == sales)
        #expect(try await number("SELECT count(DISTINCT resource_id) FROM webhook_events WHERE event_type = 'sale.created'") == sales)
        #expect(try await texts("SELECT id FROM payments WHERE status NOT IN ('completed', 'failed', 'expired')") == [])
        #expect(try await texts("SELECT id FROM settlements WHERE state NOT IN ('confirmed', 'failed')") == [])
        #expect(try await texts("SELECT id FROM payment_links WHERE held <> 0") == [])
        #expect(try await texts("SELECT id FROM products WHERE reserved <> 0") == [])
        let twice = "SELECT resource_id FROM webhook_events WHERE event_type = 'link.expired' GROUP BY resource_id HAVING count(*) > 1"
        #expect(try await texts(twice) == [])

        // Ids never go back, over clock jumps and restarts.
        let back = "SELECT b.id FROM webhook_events a JOIN webhook_events b ON b.sequence = a.sequence + 1 WHERE b.id <= a.id"
        #expect(try await texts(back) == [])
        let faults = try await till.store.read { db in try Shop.faults(in: db) }
        #expect(faults == [])
    }

    /// What stands in the file, for comparing two runs.
    private func rows() async throws -> [String] {
        var rows: [String] = []
        rows += try await texts("SELECT id || ' ' || status || ' ' || updated_at FROM payments ORDER BY id")
        rows += try await texts("SELECT id || ' ' || state || ' ' || attempts || ' ' || hash FROM settlements ORDER BY id")
        rows += try await texts("SELECT id || ' ' || payment_id || ' ' || gross_units FROM sales ORDER BY id")
        rows += try await texts("SELECT id || ' ' || event_type || ' ' || timestamp FROM webhook_events ORDER BY sequence")
        // The last hash of the chain covers every row before it.
        rows += try await texts("SELECT hash FROM audit_log ORDER BY sequence DESC LIMIT 1")
        return rows
    }
}
