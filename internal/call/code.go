package call

import "strconv"

// AgentAction is what an agent (or a supervisor for an agent) can ask for.
type AgentAction string

// The actions of an agent.
const (
	SignIn    AgentAction = "sign_in" // and ready; takes back a pause or a sign-out that was to come after the call
	Ready     AgentAction = "ready"
	Pause     AgentAction = "pause"
	EndWrapUp AgentAction = "end_wrap_up"
	SignOut   AgentAction = "sign_out"
)

// AgentActions lists them all, for messages.
var AgentActions = []AgentAction{SignIn, Ready, Pause, EndWrapUp, SignOut}

// Code is a feature code dialled on an agent's phone.
type Code struct {
	Action AgentAction
	Reason string // of a pause: "code:<n>", or empty
}

// Feature codes: two digits after the star, so that none begins another.
//
//	*10 sign in      *11 ready      *12 pause, *12<n> pause with reason n
//	*13 end wrap-up  *19 sign out
var codes = map[string]AgentAction{"10": SignIn, "11": Ready, "12": Pause, "13": EndWrapUp, "19": SignOut}

// ParseCode reads a feature code. ok is false when dialled begins with no star,
// and the zero Code with ok means a star with nothing known behind it.
func ParseCode(dialled string) (c Code, ok bool) {
	if len(dialled) == 0 || dialled[0] != '*' {
		return Code{}, false
	}
	if len(dialled) < 3 {
		return Code{}, true
	}
	action, known := codes[dialled[1:3]]
	rest := dialled[3:]
	switch {
	case !known:
		return Code{}, true
	case rest == "":
		return Code{Action: action}, true
	case action == Pause && len(rest) <= 2:
		if n, err := strconv.ParseUint(rest, 10, 8); err == nil {
			return Code{Action: Pause, Reason: "code:" + strconv.FormatUint(n, 10)}, true
		}
	}
	return Code{}, true
}
