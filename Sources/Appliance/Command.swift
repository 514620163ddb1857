import ArgumentParser
import Kernel
import Logging
import Rails
import ServiceLifecycle
import Storage
import Web

/// `till`: one command for each thing an operator does.
package struct Command: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "till", abstract: "A payments appliance for small sellers.", version: Appliance.version,
        subcommands: [
            Serve.self, Demo.self, Init.self, Keys.self, Pay.self, Doctor.self, LedgerCommand.self, Config.self, SchemaCommand.self,
            OpenAPICommand.self, Version.self,
        ])

    package init() {}

    /// Runs the command line and gives the exit status: 0 done, 1 refused or failed, 2 wrong usage.
    package static func main(_ arguments: [String]) async -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
            return 0
        } catch let failure as Failed {
            if !failure.description.isEmpty { Output.complain(failure.description) }
            return 1
        } catch {
            let code = exitCode(for: error)
            if code == .success {
                Output.line(message(for: error))
                return 0
            }
            if code == .validationFailure {
                Output.complain(fullMessage(for: error))
                return 2
            }
            Output.complain(Failed(error).description)
            return 1
        }
    }
}

/// A command that ends with status 1, and why.
struct Failed: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }

    /// The words for a person; never a secret, since none of these errors holds one.
    init(_ error: any Error) {
        description =
            switch error {
            case let problem as Problem: problem.detail
            case let refusal as X402Refusal: refusal.message
            case NetworkFailure.unreachable: "Nobody answers at that address."
            case NetworkFailure.noAnswer: "The request was sent and no answer came: it may have been done."
            case let failure as DiskFailure: "\(failure.path): \(failure.reason)"
            default: "\(error)"
            }
    }
}

/// What commands print: results on standard output, words about them on standard error.
enum Output {
    static func line(_ text: String) { LiveProcess.printLine(Array(text.utf8)) }
    static func complain(_ text: String) { LiveProcess.printError(Array(text.utf8)) }

    /// One JSON document, or lines for a person.
    static func result(_ json: JSON, asJSON: Bool, _ lines: () -> [String]) {
        line(asJSON ? json.compact : lines().joined(separator: "\n"))
    }
}

/// The options that every command takes.
struct Options: ParsableArguments {
    @Option(help: "The data file.") var data: String?
    @Option(help: "The directory of snapshots.") var backups: String?
    @Option(help: "A JSON file of settings.") var config: String?
    @Flag(help: "Print one JSON document.") var json = false

    /// - Throws: `InvalidSettings` with every fault at once.
    func settings(_ more: [String: String] = [:]) throws -> (Settings, [Setting]) {
        var flags = more
        flags["data"] = data
        flags["backups"] = backups
        flags["config"] = config
        var source = try SettingSource.open(flags: flags, environment: LiveProcess.environment(), disk: LiveDisk())
        let settings = try Settings(from: &source)
        return (settings, source.settings)
    }

    /// Asks the running server, or the file itself where none runs.
    func ask(_ method: String, _ path: String, _ body: JSON = .null) async throws -> JSON {
        let (settings, _) = try settings()
        let world = World.live()
        if let answer = try await ControlClient(data: settings.data, network: world.network).sendIfRunning(method, path, body) { return answer }
        let appliance = try await Appliance.open(settings, world: world, logger: Logger(label: "till") { _ in SwiftLogNoOpLogHandler() })
        let request = ControlRequest(method: method, path: path, body: body, userID: LiveProcess.userID)
        let answer = try await Control(appliance: appliance, publicURL: settings.publicURL).answer(request)
        try await appliance.close()
        return answer
    }
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the appliance.")
    @OptionGroup var options: Options
    @Option(help: "HOST:PORT to serve on; port 0 takes any free one.") var listen: String?

    func run() async throws {
        let (settings, _) = try options.settings(listen.map { ["listen": $0] } ?? [:])
        let world = World.live()
        JSONLogHandler.install(level: settings.logLevel, time: world.time)
        let logger = Logger(label: "till")
        let appliance = try await Appliance.open(settings, world: world, logger: logger)
        do {
            try await appliance.serve { url in
                logger.notice("ready", metadata: ["url": "\(url)", "version": "\(Appliance.version)", "sqlite": "\(Store.libraryVersion)"])
            }
        } catch StoreFailure.stopped(let reason) {
            logger.critical("stopped taking writes", metadata: ["reason": "\(reason)"])
            throw Failed("Till stopped taking writes and ends: \(reason). Start it again; it will look at what the file holds.")
        }
        try await appliance.close()
        logger.notice("stopped")
    }
}

struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Create the data file and print the one-time setup link.")
    @OptionGroup var options: Options

    func run() async throws {
        let answer = try await options.ask("POST", "/setup-code")
        Output.result(answer, asJSON: options.json) {
            guard let link = answer["setup_url"]?.text else { return ["Somebody can sign in already: \(answer["admin_url"]?.text ?? "")"] }
            return ["Open this link once to choose a name and a password (it ends after a day):", "", "  \(link)", "", "Then start the shop: till serve"]
        }
    }
}

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "API keys.", subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create a key; its secret is shown once.")
        @OptionGroup var options: Options
        @Option(help: "What the key is for.") var name: String
        @Option(help: "read, write, payments, webhooks or admin; may be given several times.") var scope: [String] = ["read"]
        @Flag(help: "A key for real money.") var live = false

        func run() async throws {
            let body: JSON = ["name": .string(name), "scopes": .array(scope.map(JSON.string)), "live": .bool(live)]
            let answer = try await options.ask("POST", "/keys", body)
            Output.result(answer, asJSON: options.json) {
                ["id      \(answer["id"]?.text ?? "")", "secret  \(answer["secret"]?.text ?? "")   (shown once: keep it now)"]
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List keys, without their secrets.")
        @OptionGroup var options: Options

        func run() async throws {
            let answer = try await options.ask("GET", "/keys")
            Output.result(answer, asJSON: options.json) {
                (answer["data"]?.items ?? []).map { key in
                    let state = key["revoked_at"]?.isNull == false ? "revoked" : "active"
                    let scopes = (key["scopes"]?.items ?? []).compactMap(\.text).joined(separator: ",")
                    return "\(key["id"]?.text ?? "")  \(key["prefix"]?.text ?? "")…  \(state)  \(scopes)  \(key["name"]?.text ?? "")"
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a key at once.")
        @OptionGroup var options: Options
        @Argument(help: "The key's id.") var id: String

        func run() async throws {
            let answer = try await options.ask("POST", "/keys/revoke", ["id": .string(id)])
            Output.result(answer, asJSON: options.json) { ["\(id) is revoked."] }
        }
    }
}

struct Pay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Pay a link on the sandbox, as an x402 buyer.")
    @OptionGroup var options: Options
    @Argument(help: "The link's URL.") var url: String
    @Option(help: "The buyer's private key, 64 hexadecimal digits; a new one where there is none.") var key: String?

    func run() async throws {
        let world = World.live()
        guard let key = try? key.map({ try EVMKey(hex: $0) }) ?? EVMKey(world.chance.bytes(32)) else {
            throw Failed("--key must be 64 hexadecimal digits of a secp256k1 private key.")
        }
        let receipt = try await Buyer(network: world.network, world: world, key: key).pay(url)
        Output.result(receipt, asJSON: options.json) { Receipt.lines(receipt) }
    }
}

/// A receipt for a person at a terminal.
enum Receipt {
    static func lines(_ receipt: JSON) -> [String] {
        let amount = receipt["amount"].map { "\($0["amount"]?.text ?? "") \($0["currency"]?.text ?? "")" } ?? ""
        return [
            "status       \(receipt["status"]?.text ?? "")", "title        \(receipt["title"]?.text ?? "")", "amount       \(amount)",
            "payment      \(receipt["payment_id"]?.text ?? "")", "sale         \(receipt["sale_id"]?.text ?? "")",
            "payer        \(receipt["payer"]?.text ?? "")", "transaction  \(receipt["transaction"]?.text ?? "")",
            "goods        \(receipt["goods"]?.text ?? "none")",
        ]
    }
}

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Check every invariant, over all rows.")
    @OptionGroup var options: Options

    func run() async throws {
        let answer = try await options.ask("POST", "/doctor")
        try Checks.report(answer, asJSON: options.json)
    }
}

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ledger", abstract: "The books.", subcommands: [Verify.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Derive every balance again, and compare.")
        @OptionGroup var options: Options

        func run() async throws {
            let answer = try await options.ask("POST", "/ledger/verify")
            try Checks.report(answer, asJSON: options.json)
        }
    }
}

/// The answer of an audit, printed; status 1 names what broke.
enum Checks {
    static func report(_ answer: JSON, asJSON: Bool) throws {
        let checks = answer["checks"]?.items ?? []
        Output.result(answer, asJSON: asJSON) {
            ["SQLite \(answer["sqlite"]?.text ?? "") · \(answer["data"]?.text ?? "")"]
                + checks.flatMap { check in
                    let faults = (check["faults"]?.items ?? []).compactMap(\.text)
                    return [(faults.isEmpty ? "ok    " : "WRONG ") + (check["claim"]?.text ?? "")] + faults.map { "      " + $0 }
                }
        }
        let broken = checks.filter { $0["faults"]?.items?.isEmpty == false }.compactMap { $0["claim"]?.text }
        if !broken.isEmpty { throw Failed("Not true: " + broken.joined(separator: "; ")) }
    }
}

struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the settings in force and where each came from.")
    @OptionGroup var options: Options

    func run() async throws {
        let (_, settings) = try options.settings()
        let json: JSON = ["settings": .array(settings.map(\.json))]
        Output.result(json, asJSON: options.json) {
            let width = settings.map(\.name.count).max() ?? 0
            return settings.map { setting in
                let value = setting.json["value"]?.text ?? "none"
                return setting.name.padding(to: width) + "  \(value)  (\(setting.origin))"
            }
        }
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "schema", abstract: "Print the tables as SQL.")
    @OptionGroup var options: Options
    @Option(help: "Write every generated page of the documentation into this directory instead.") var docs: String?

    func run() async throws {
        if let docs {
            for page in try GeneratedPages.all() { try LiveDisk.publishText(page.text, to: docs + "/" + page.name) }
            return
        }
        let sql = try Tables.sql()
        Output.result(["schema": .string(sql)], asJSON: options.json) { [sql] }
    }
}

struct OpenAPICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "openapi", abstract: "Print the OpenAPI document.")
    @OptionGroup var options: Options

    func run() async throws {
        let (settings, _) = try options.settings()
        Output.line(OpenAPI.document(version: Appliance.version, server: settings.publicURL).pretty)
    }
}

struct Version: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")
    @OptionGroup var options: Options

    func run() async throws {
        Output.result(["version": .string(Appliance.version), "sqlite": .string(Store.libraryVersion)], asJSON: options.json) {
            ["till \(Appliance.version) (SQLite \(Store.libraryVersion))"]
        }
    }
}
