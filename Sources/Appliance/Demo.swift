import Access
import ArgumentParser
import GRDB
import Goods
import Kernel
import Logging
import Payments
import Rails
import Storage

/// `till demo`: a shop in test mode that makes its first sale by itself.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a demo shop in test mode and buy one product as an x402 client.")
    @OptionGroup var options: Options
    @Option(help: "HOST:PORT to serve on; port 0 takes any free one.") var listen: String?
    @Flag(help: "Stop after the sale and print it.") var once = false

    func run() async throws {
        let (settings, _) = try options.settings(flags())
        guard settings.mode == .test else { throw Failed("The demo pays with play money: it runs in test mode only (setting mode).") }
        let world = World.live()
        JSONLogHandler.install(level: max(settings.logLevel, .warning), time: world.time)
        let appliance = try await Appliance.open(settings, world: world, logger: Logger(label: "till"))
        let (urls, ready) = AsyncStream.makeStream(of: String.self)
        let (stop, asJSON, ends) = (Nudge(), options.json, once)
        let buying = Task {
            // Over when the sale is made; a failed one ends the shop as well.
            for await url in urls {
                defer { if ends { stop.nudge() } }
                do {
                    DemoShop.announce(try await DemoShop(appliance: appliance, url: url).open(), asJSON: asJSON, ends: ends)
                } catch {
                    stop.nudge()
                    throw error
                }
            }
        }
        try await appliance.serve(until: stop) { url in
            ready.yield(url)
            ready.finish()
        }
        try await appliance.close()
        do { try await buying.value } catch { throw Failed(error) }
    }

    /// A demo that ends at once must not fail over a port somebody else has.
    private func flags() throws -> [String: String] {
        if let listen { return ["listen": listen] }
        let (_, all) = try options.settings()
        let isDefault = all.first { $0.name == "listen" }?.origin == Setting.standardOrigin
        return once && isDefault ? ["listen": "127.0.0.1:0"] : [:]
    }
}

/// The shop of the demo: one product, one link, one buyer.
struct DemoShop: Sendable {
    let appliance: Appliance
    let url: String

    /// What is printed about the sale.
    struct Sold: Sendable {
        let receipt: JSON
        let linkURL: String
        let adminURL: String
        let setupURL: String?
        let apiKey: Secret<String>
    }

    /// Fills the shelf where it is empty, buys once over HTTP, and says where to look.
    func open() async throws -> Sold {
        let link = try await link()
        let linkURL = url + "/pay/" + link
        let world = appliance.world
        let buyer = Buyer(network: world.network, world: world, key: try EVMKey(world.chance.bytes(32)))
        let receipt = try await buyer.pay(linkURL)
        let answer = try await Control(appliance: appliance, publicURL: url).answer(
            ControlRequest(method: "POST", path: "/setup-code", body: .null, userID: LiveProcess.userID))
        let seller = appliance.seller.id
        let (_, secret) = try await appliance.store.write { db in
            try APIKey.create(
                named: "demo, for reading", scopes: [.read], sellerID: seller, livemode: false, expiresAt: world.time.now() + .seconds(86_400),
                by: .till, world: world, in: db)
        }
        return Sold(
            receipt: receipt, linkURL: linkURL, adminURL: url + "/admin", setupURL: answer["setup_url"]?.text, apiKey: secret)
    }

    /// The demo's link: the newest there is, or a new one of a new product.
    private func link() async throws -> String {
        let (seller, world) = (appliance.seller.id, appliance.world)
        return try await appliance.store.write { db in
            let found = try PaymentLink.list(sellerID: seller, livemode: false, page: PageRequest(limit: 1), in: db).items.first
            if let found, found.refusal(at: world.time.now()) == nil { return found.token }
            let product = Product(
                id: world.newID(.product), sellerID: seller, livemode: false, name: "Field notes, issue 1",
                description: "Twelve pages on keeping bees in a city.", price: Amount(5, .usd), stock: 1_000,
                content: "Your copy: field-notes-1.pdf, code BEES-2026.", createdAt: world.time.now())
            try product.insert(in: db)
            var draft = PaymentLink.Draft()
            draft.productID = product.id
            return try PaymentLink.create(draft, sellerID: seller, livemode: false, actor: .till, world: world, in: db).token
        }
    }

    static func announce(_ sold: Sold, asJSON: Bool, ends: Bool) {
        let json: JSON = [
            "sale": sold.receipt, "link_url": .string(sold.linkURL), "admin_url": .string(sold.adminURL), "setup_url": .text(sold.setupURL),
        ]
        Output.result(json, asJSON: asJSON) {
            var lines = ["A buyer paid the link with x402:", ""] + Receipt.lines(sold.receipt).map { "  " + $0 }
            if ends { return lines }
            lines += ["", "Look around (test mode, nothing leaves this machine):", "", "  pay page    \(sold.linkURL)"]
            if let setup = sold.setupURL { lines.append("  admin       \(setup)   (choose a name and a password)") }
            if sold.setupURL == nil { lines.append("  admin       \(sold.adminURL)") }
            let api = String(sold.adminURL.dropLast("/admin".count))
            lines += [
                "  API         curl -H 'X-Api-Key: \(sold.apiKey.exposeSecret())' \(api)/api/sales", "  buy again   till pay \(sold.linkURL)", "",
                "Ctrl-C stops the shop.",
            ]
            return lines
        }
    }
}
