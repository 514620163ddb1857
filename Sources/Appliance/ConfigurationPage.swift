/// Makes docs/configuration.md from the declarations of the settings.
package enum ConfigurationPage {
    /// The page for what `Settings` declares, whatever this machine has set.
    package static func markdown() -> String {
        var source = SettingSource()
        do {
            _ = try Settings(from: &source)
        } catch {
            preconditionFailure("the defaults contradict each other: \(error)")
        }
        return markdown(source.settings)
    }

    package static func markdown(_ settings: [Setting]) -> String {
        var lines = [
            "# Configuration", "",
            "Made from the declarations of the settings; a test refuses this page when it is out of date.", "",
            "A setting is looked for in this order, and the first source that has it wins:", "",
            "1. the command line, such as `--listen 127.0.0.1:8402`;",
            "2. the environment, in capitals with `TILL_` in front, such as `TILL_LISTEN`;",
            "3. the JSON file that `--config` or `TILL_CONFIG` names: one object, settings by name;",
            "4. a variable name from elsewhere, as listed below;",
            "5. the default.", "",
            "Every fault is reported at once, and Till does not start.",
            "A `TILL_…` variable or a name in the file that Till does not know is a fault.",
            "`till config` prints what is in force and where it came from; secrets are never shown.", "",
            "| Setting | Default | Unit | Values | Meaning |", "|---|---|---|---|---|",
        ]
        for setting in settings {
            let standard = setting.standard.isEmpty ? "none" : setting.standard
            let cells = ["`\(setting.name)`", standard, setting.unit.isEmpty ? "–" : setting.unit, setting.range, setting.help]
            lines.append("| " + cells.map(escaped).joined(separator: " | ") + " |")
        }
        lines += ["", "Variable names from elsewhere that mean a setting:", "", "| Variable | Setting |", "|---|---|"]
        for alias in SettingSource.aliases { lines.append("| `\(alias.variable)` | `\(alias.setting)` |") }
        lines += [
            "", "The control socket is the data file's path with `.sock` at its end.",
            "A socket's path cannot be long: above \(ControlSocket.pathBytesMax) bytes one below `/tmp/till-<user id>/` is used instead.", "",
        ]
        return lines.joined(separator: "\n")
    }

    /// A bar would end the cell.
    private static func escaped(_ cell: String) -> String {
        cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
