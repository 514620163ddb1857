import Kernel

/// Asks the running server from a command.
package struct ControlClient: Sendable {
    private let path: String
    private let network: any Network

    /// - Parameter data: The data file, named as the server names it.
    package init(data: String, network: any Network) {
        path = ControlSocket.path(data: data)
        self.network = network
    }

    /// Sends one request and returns what the server answered.
    ///
    /// - Throws: `Problem` where the server refused; `ControlFailure` where there is
    ///   no server, or none that answers as Till does; `NetworkFailure.noAnswer` where
    ///   the server went away before it answered: it may have been done.
    package func send(_ method: String, _ target: String, _ body: JSON = .null, timeout: Duration = .seconds(30)) async throws -> JSON {
        let request = Request(
            method: method, url: "http://till" + target, headers: [(name: "content-type", value: "application/json")],
            body: body.isNull ? [] : body.bytes, timeout: timeout, answerBytesMax: 64 << 20, socket: path)
        let answer: Answer
        do {
            answer = try await network.send(request)
        } catch NetworkFailure.unreachable {
            throw ControlFailure.notRunning
        }
        let json: JSON
        do {
            json = try JSON.read(answer.body)
        } catch {
            throw ControlFailure.notTill
        }
        if answer.status == 200 { return json }
        guard let problem = ControlAnswer.problem(json) else { throw ControlFailure.notTill }
        throw problem
    }

    /// `send`, or nil where no server runs: the command may then open the data file itself.
    package func sendIfRunning(_ method: String, _ target: String, _ body: JSON = .null) async throws -> JSON? {
        do {
            return try await send(method, target, body)
        } catch ControlFailure.notRunning {
            return nil
        }
    }
}

/// Why a command got no answer from the server.
package enum ControlFailure: Error, Sendable, Equatable {
    /// Nobody listens on the socket. Nothing was done.
    case notRunning
    /// What answered is not Till, or another version of it.
    case notTill
}

/// How a problem crosses the socket: the fields of RFC 9457 that a command prints.
enum ControlAnswer {
    static func document(_ problem: Problem) -> JSON {
        .object([
            JSON.Member("code", .string(problem.code.name)), JSON.Member("title", .string(problem.code.title)),
            JSON.Member("detail", .string(problem.detail)), JSON.Member("param", .text(problem.param)),
            JSON.Member("retryable", .bool(problem.code.retryable)),
        ])
    }

    static func problem(_ json: JSON) -> Problem? {
        guard let code = json["code"]?.text, let title = json["title"]?.text, let detail = json["detail"]?.text else { return nil }
        let known = Problem.Code(code, .invalid, title, retryable: json["retryable"]?.flag ?? false)
        return Problem(known, detail, param: json["param"]?.text)
    }
}
