import Access
import Appliance
import Foundation
import GRDB
import Goods
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Kernel
import Logging
import NIOCore
import Payments
import Rails
import Sandbox
import Simulation
import Storage
import Synchronization
import Testing

@testable import Web

/// A counter on a data file of its own, in a simulated world, with the real router before it.
///
/// Two sellers: one whose keys are `keys`, and another who must see none of it.
final class CounterFixture: Sendable {
    /// Secrets of API keys, by what they may do. All but `live` are in test mode.
    struct Keys: Sendable {
        let read: String
        let write: String
        let payments: String
        let admin: String
        /// The seller's own, in live mode, with scope `admin`.
        let live: String
        /// The other seller's, with scope `admin`.
        let other: String
    }

    typealias Router = @Sendable (HTTPRequest.Method, String, HTTPFields, [UInt8]?) async throws -> Answered

    static let publicURL = "http://till.test"
    static let payTo = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
    static let usdc = EVMToken.baseSepoliaUSDC

    let store: Store
    let simulated: SimulatedWorld
    let sandbox: SandboxRail
    let counter: Counter
    let seller: Seller
    let keys: Keys
    let logged: Logged
    private let router: Router
    private let directory: URL

    var world: World { simulated.world }

    init(_ change: @Sendable (inout Counter.Options) -> Void = { _ in }) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("till-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let simulated = World.simulated(seed: 1)
        let (world, disk) = (simulated.world, simulated.disk)
        var storeOptions = Store.Options()
        storeOptions.reserveBytes = 1
        storeOptions.freeBytes = { try? disk.freeBytes(at: "") }
        let path = directory.appendingPathComponent("till.sqlite").path
        let store = try Store(path: path, schema: Tables.migrations, options: storeOptions, now: world.time.now())
        let sandbox = SandboxRail(store: store, time: simulated.time)
        let (seller, keys) = try await Self.furnish(store, world)
        let cashier = Cashier(store: store, rails: [sandbox], tenders: try Self.tenders(), rules: Self.rules(), world: world)
        var options = Counter.Options()
        options.publicURL = Self.publicURL
        options.sellerID = seller.id
        change(&options)
        let counter = try Counter(store: store, cashier: cashier, dataKey: DataKey(Secret([UInt8](0..<32))), world: world, options: options)
        let logged = Logged()
        let logger = logged.logger(time: simulated.time)
        let application = Application(responder: Web.Server.responder(for: counter, logger: logger), logger: logger)
        router = { method, path, headers, body in
            let buffer: ByteBuffer? = body.map { (bytes: [UInt8]) -> ByteBuffer in ByteBuffer(bytes: bytes) }
            let response = try await application.test(.router) { (client: any TestClientProtocol) -> TestResponse in
                try await client.executeRequest(uri: path, method: method, headers: headers, body: buffer)
            }
            return Answered(status: response.status.code, headers: response.headers, body: Array(response.body.readableBytesView))
        }
        self.directory = directory
        self.simulated = simulated
        self.store = store
        self.sandbox = sandbox
        self.seller = seller
        self.keys = keys
        self.counter = counter
        self.logged = logged
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// Nobody is given up waiting for, since here the clock jumps while somebody sleeps.
    private static func rules() -> PaymentRules {
        var rules = PaymentRules()
        rules.answerWithin = nil
        rules.concurrency = 1
        return rules
    }

    /// The sandbox for test mode; for live mode a network that is offered, though no rail settles it.
    private static func tenders() throws -> [Tender] {
        let real = try #require(EVMNetwork.base.usdc)
        return [
            Tender(network: EVMNetwork.baseSepolia.caip2, asset: .usdc, contract: usdc.address, extra: usdc.extra, livemode: false),
            Tender(network: EVMNetwork.base.caip2, asset: .usdc, contract: real.address, extra: real.extra, livemode: true),
        ]
    }

    private static func furnish(_ store: Store, _ world: World) async throws -> (Seller, Keys) {
        try await store.write { db -> (Seller, Keys) in
            let seller = try createSeller("Tea and cake", world, db)
            let other = try createSeller("Somebody else", world, db)
            try db.run(
                "INSERT INTO receiving_addresses (seller_id, livemode, network, address) VALUES (?, 1, ?, ?)",
                [seller.id, EVMNetwork.base.caip2, payTo])
            let keys = Keys(
                read: try createKey(.read, seller, world, db), write: try createKey(.write, seller, world, db),
                payments: try createKey(.payments, seller, world, db), admin: try createKey(.admin, seller, world, db),
                live: try createKey(.admin, seller, live: true, world, db), other: try createKey(.admin, other, world, db))
            return (seller, keys)
        }
    }

    private static func createSeller(_ name: String, _ world: World, _ db: Database) throws -> Seller {
        try Seller.create(
            named: name, sandboxNetwork: EVMNetwork.baseSepolia.caip2, sandboxAddress: payTo, sandboxKey: [1, 2, 3], world: world, in: db)
    }

    private static func createKey(_ scope: Scope, _ seller: Seller, live: Bool = false, _ world: World, _ db: Database) throws -> String {
        let made = try APIKey.create(
            named: scope.rawValue, scopes: [scope], sellerID: seller.id, livemode: live, by: .till, world: world, in: db)
        return made.secret.exposeSecret()
    }
}

/// What came back.
struct Answered: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    func json() throws -> JSON { try JSON.read(body) }

    /// The code of a problem document, or nil where it is none.
    var code: String? {
        guard headers[.contentType] == "application/problem+json", let json = try? JSON.read(body) else { return nil }
        return json["code"]?.text
    }

    /// The items of a list's page.
    func items() throws -> [JSON] { try #require(try json()["data"]?.items) }

    /// The ids of a list's items, in their order.
    func ids() throws -> [String] { try items().compactMap { $0["id"]?.text } }
}

/// Keeps what is logged, a line of JSON each.
final class Logged: Sendable {
    private let held = Mutex<[String]>([])

    var lines: [String] { held.withLock { $0 } }

    private func add(_ line: [UInt8]) { held.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }

    func logger(time: any Time) -> Logger {
        Logger(label: "test", factory: { label in JSONLogHandler(label: label, level: .warning, time: time, write: { self.add($0) }) })
    }
}

extension CounterFixture {
    /// Headers by which a person's browser is known.
    static let browser: HTTPFields = [.accept: "text/html", .userAgent: "Mozilla/5.0"]

    func send(
        _ method: HTTPRequest.Method, _ path: String, key: String? = nil, _ headers: HTTPFields = [:], body: [UInt8]? = nil
    ) async throws -> Answered {
        var headers = headers
        if let key { headers[.apiKey] = key }
        return try await router(method, path, headers, body)
    }

    func get(_ path: String, key: String? = nil, _ headers: HTTPFields = [:]) async throws -> Answered {
        try await send(.get, path, key: key, headers)
    }

    func post(_ path: String, _ json: JSON, key: String? = nil, _ headers: HTTPFields = [:]) async throws -> Answered {
        var headers = headers
        headers[.contentType] = "application/json"
        return try await send(.post, path, key: key, headers, body: json.bytes)
    }

    func form(_ path: String, _ fields: [String: String], _ headers: HTTPFields = [:]) async throws -> Answered {
        var headers = headers
        headers[.contentType] = "application/x-www-form-urlencoded"
        let encoded: [String] = fields.map { (name: String, value: String) -> String in
            name + "=" + (value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")
        }
        return try await send(.post, path, headers, body: Array(encoded.joined(separator: "&").utf8))
    }
}

extension CounterFixture {
    /// A product at so many US cents.
    func product(cents: Int64 = 1_200, stock: Int64? = nil) async throws -> Product {
        let product = Product(
            id: world.newID(.product), sellerID: seller.id, livemode: false, name: "Tea", description: nil, price: Amount(cents, .usd), stock: stock,
            content: "code 42", createdAt: simulated.time.now())
        try await store.write { db in try product.insert(in: db) }
        return product
    }

    /// A link without end at 12.00 USD, as `change` changes it.
    func link(live: Bool = false, _ change: @Sendable (inout PaymentLink.Draft) -> Void = { _ in }) async throws -> PaymentLink {
        var draft = PaymentLink.Draft()
        draft.title = "Tea"
        draft.price = .fixed(Amount(1_200, .usd))
        draft.content = "code 42"
        change(&draft)
        return try await create(draft, live: live)
    }

    /// A link to a product at its price.
    func link(to product: Product) async throws -> PaymentLink {
        var draft = PaymentLink.Draft()
        draft.productID = product.id
        return try await create(draft, live: false)
    }

    private func create(_ draft: PaymentLink.Draft, live: Bool) async throws -> PaymentLink {
        let (sellerID, world) = (seller.id, self.world)
        return try await store.write { db in
            try PaymentLink.create(draft, sellerID: sellerID, livemode: live, actor: .till, world: world, in: db)
        }
    }

    /// A buyer whose key follows from `number`.
    static func buyer(_ number: UInt64 = 1) throws -> EVMKey { try EVMKey(SeededChance(seed: 1_000 + number).bytes(32)) }

    /// What is asked for at `path`, as version 2 says it.
    func terms(_ path: String) async throws -> PaymentRequired {
        let asked = try await get(path)
        return try PaymentRequired(header: try #require(asked.headers[.paymentRequired]))
    }

    func sign(_ requirements: PaymentRequirements, buyer: UInt64 = 1, nonce: UInt64 = 1, version: Int = 2) throws -> PaymentPayload {
        try ExactEVM.pay(
            requirements, version: version, key: Self.buyer(buyer), nonce: SeededChance(seed: nonce).bytes(32), at: simulated.time.now())
    }

    /// Signs the first thing that is asked for at `path`. Sends nothing.
    func signed(_ path: String, buyer: UInt64 = 1, nonce: UInt64 = 1, version: Int = 2) async throws -> PaymentPayload {
        let requirements = try #require(try await terms(path).accepts.first)
        return try sign(requirements, buyer: buyer, nonce: nonce, version: version)
    }

    func pay(_ path: String, with payment: PaymentPayload, _ headers: HTTPFields = [:]) async throws -> Answered {
        var headers = headers
        headers[payment.version == 1 ? .v1Payment : .paymentSignature] = payment.header
        return try await get(path, headers)
    }

    /// One sale of a link, as its buyer is told.
    func sell(_ link: PaymentLink, buyer: UInt64 = 1, nonce: UInt64 = 1) async throws -> JSON {
        let path = "/pay/" + link.token
        let answer = try await pay(path, with: try await signed(path, buyer: buyer, nonce: nonce))
        try #require(answer.status == 200, "\(answer.text)")
        return try answer.json()
    }

    func count(_ sql: String) async throws -> Int {
        try await store.read { db in try Int.fetchOne(db, sql: sql) ?? 0 }
    }
}
