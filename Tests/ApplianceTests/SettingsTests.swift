import Appliance
import Kernel
import Logging
import Simulation
import Testing

@Suite struct SettingsTests {
    static func settings(_ flags: [String: String] = [:], _ environment: [String: String] = [:], file: String? = nil) throws -> Settings {
        let named: (name: String, bytes: [UInt8])? = file.map { (name: "till.json", bytes: Array($0.utf8)) }
        var source = SettingSource(flags: flags, environment: environment, file: named)
        return try Settings(from: &source)
    }

    static func faults(_ flags: [String: String] = [:], _ environment: [String: String] = [:], file: String? = nil) -> [String] {
        do {
            _ = try settings(flags, environment, file: file)
            return []
        } catch let invalid as InvalidSettings {
            return invalid.faults
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `the defaults stand by themselves`() throws {
        let settings = try Self.settings()
        #expect(settings.mode == .test)
        #expect(settings.listen == ListenAddress(host: "127.0.0.1", port: 8402))
        #expect(settings.publicURL == "http://127.0.0.1:8402")
        #expect(settings.facilitatorAccess == .open)
        #expect(settings.payments.terms == .seconds(300))
        #expect(settings.limits.diskReserveBytes == 268_435_456)
        #expect(settings.sandbox.isHonest)
        #expect(settings.dataKey?.exposeSecret() == nil)
    }

    @Test func `every fault is reported at once`() {
        let found = Self.faults(
            ["listen": "here"], ["TILL_TERMS_SECONDS": "5", "TILL_MODE": "real", "TILL_FEE_FIXED": "1.001", "TILL_DATA_KEY": "abcd"],
            file: #"{"public_url": "https://shop.example/path", "trusted_proxies": "proxy.example"}"#)
        #expect(found.count == 7)
        for name in ["listen", "terms_seconds", "mode", "fee_fixed", "data_key", "public_url", "trusted_proxies"] {
            #expect(found.contains { $0.hasPrefix(name + " ") }, "\(name) in \(found)")
        }
        #expect(found.contains { $0.contains("TILL_TERMS_SECONDS") && $0.contains("60 to 3600") })
    }

    @Test func `the first source that has a value wins, and is named`() throws {
        let text = #"{"seller_name":"file","mode":"test","log_level":"error"}"#
        let file: (name: String, bytes: [UInt8]) = (name: "till.json", bytes: Array(text.utf8))
        let environment = ["TILL_SELLER_NAME": "variable", "LOG_LEVEL": "debug", "BACKUP_PATH": "old/", "HOME": "/root", "ALLOWED_ORIGINS": ""]
        var source = SettingSource(flags: ["seller_name": "flag"], environment: environment, file: file)
        let settings = try Settings(from: &source)
        #expect(settings.sellerName == "flag")
        #expect(settings.logLevel == .error)
        #expect(settings.backups == "old/")
        var origins: [String: String] = [:]
        for setting in source.settings { origins[setting.name] = setting.origin }
        #expect(origins["seller_name"] == "--seller-name")
        #expect(origins["log_level"] == "till.json")
        #expect(origins["backups"] == "BACKUP_PATH")
        #expect(origins["allowed_origins"] == "default")
    }

    @Test func `an unknown name is refused with the nearest known one`() {
        #expect(Self.faults([:], ["TILL_SELER_NAME": "x"]) == ["TILL_SELER_NAME is not a setting of Till. Did you mean TILL_SELLER_NAME?"])
        #expect(Self.faults(file: #"{"lisen":"127.0.0.1:1"}"#) == ["lisen in till.json is not a setting of Till. Did you mean listen?"])
    }

    @Test func `a file is read strictly`() {
        #expect(Self.faults(file: #"{"mode":"test","mode":"test"}"#).first?.contains("same key twice") == true)
        #expect(Self.faults(file: "[]") == ["till.json must hold one JSON object of settings by name."])
        #expect(Self.faults(file: #"{"mode":null}"#).count == 1)
        #expect(Self.faults(file: #"{"terms_seconds":120,"allowed_origins":["https://a.example","https://b.example"]}"#) == [])
    }

    @Test func `secrets are read and never shown`() throws {
        let hex = String(repeating: "ab", count: 32)
        var source = SettingSource(environment: ["TILL_DATA_KEY": hex])
        let settings = try Settings(from: &source)
        #expect(settings.dataKey?.exposeSecret() == [UInt8](repeating: 0xab, count: 32))
        let shown = source.settings.map { $0.json.compact }.joined()
        #expect(!shown.contains("abab"))
        #expect(shown.contains("•••"))
        #expect(!"\(settings)".contains("171, 171"))
        #expect(Self.faults([:], ["TILL_DATA_KEY": "hush"]) == ["data_key (TILL_DATA_KEY) must be 64 hexadecimal digits."])
    }

    @Test func `live mode refuses what only rehearsals need`() {
        let found = Self.faults(["mode": "live", "allowed_origins": "*", "sandbox_fail_every": "3"])
        #expect(found.count == 2)
        #expect(Self.faults(["mode": "test", "allowed_origins": "*", "sandbox_fail_every": "3"]) == [])
    }

    @Test func `a public address needs a trusted proxy`() throws {
        #expect(Self.faults(["listen": "0.0.0.0:8402"]).count == 1)
        let settings = try Self.settings(["listen": "0.0.0.0:8402", "trusted_proxies": "10.0.0.1, 2001:DB8::0:1"])
        #expect(settings.trustedProxies == ["10.0.0.1", "2001:db8::1"])
        #expect(settings.facilitatorAccess == .key)
    }

    @Test(arguments: ["127.0.0.1:0", "[::1]:80", "localhost:8402", "127.1.2.3:1"])
    func `loopback addresses are known`(_ text: String) throws {
        let address = try #require(ListenAddress(text))
        #expect(address.isLoopback)
        #expect(address.description == text)
    }

    @Test(arguments: ["127.0.0.1", "::1:80", ":80", "host:", "host:65536", "a b:1", "host:+1", "[host]:1"])
    func `what is no address is refused`(_ text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test func `the public URL follows the port that was bound`() throws {
        let free = try Self.settings(["listen": "127.0.0.1:0"])
        #expect(free.publicURL(boundPort: 4242) == "http://127.0.0.1:4242")
        let named = try Self.settings(["public_url": "https://Pay.example.com/"])
        #expect(named.publicURL(boundPort: 4242) == "https://pay.example.com")
    }

    @Test func `the named file is read, and missed when it is not there`() throws {
        let disk = World.simulated(seed: 1).disk
        try disk.write(Array(#"{"seller_name":"Corner"}"#.utf8), to: "shop.json")
        var source = try SettingSource.open(flags: [:], environment: ["TILL_CONFIG": "shop.json"], disk: disk)
        let settings = try Settings(from: &source)
        #expect(settings.sellerName == "Corner")
        #expect(throws: InvalidSettings.self) { try SettingSource.open(flags: ["config": "none.json"], environment: [:], disk: disk) }
    }

    @Test func `the page names every setting`() throws {
        var source = SettingSource()
        _ = try Settings(from: &source)
        let page = ConfigurationPage.markdown()
        for setting in source.settings { #expect(page.contains("| `\(setting.name)` |")) }
    }
}
