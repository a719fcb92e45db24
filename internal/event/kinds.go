package event

var kinds = table()

func table() map[Kind]kindEntry {
	m := map[Kind]kindEntry{}
	add := func(k Kind, e kindEntry) {
		if _, dup := m[k]; dup {
			panic("event: kind declared twice: " + string(k))
		}
		m[k] = e
	}
	add(entry[CallArrived]())
	add(entry[CallRefused]())
	add(entry[CallAnswered]())
	add(entry[FlowStep]())
	add(entry[NoticePlayed]())
	add(entry[LanguageChosen]())
	add(entry[QueueEntered]())
	add(entry[QueueAnnounced]())
	add(entry[QueueLeft]())
	add(entry[OfferMade]())
	add(entry[OfferAccepted]())
	add(entry[OfferFailed]())
	add(entry[CallBridged]())
	add(entry[CallUnbridged]())
	add(entry[RecordingStarted]())
	add(entry[RecordingMarked]())
	add(entry[RecordingClosed]())
	add(entry[RecordingFailed]())
	add(entry[CallHeld]())
	add(entry[CallResumed]())
	add(entry[TransferAsked]())
	add(entry[TransferDone]())
	add(entry[TransferFailed]())
	add(entry[CallbackPromised]())
	add(entry[MessageLeft]())
	add(entry[CallRated]())
	add(entry[LegQuality]())
	add(entry[CallEnded]())
	add(entry[AgentMoved]())
	add(entry[PhoneChanged]())
	add(entry[CallbackClosed]())
	add(entry[CallbackTask]())
	add(entry[CallbackTaskClosed]())
	add(entry[LiveTimeReached]())
	add(entry[Heartbeat]())
	add(entry[RouterStarted]())
	add(entry[RouterInput]())
	add(entry[ServerStarted]())
	add(entry[ServerStopped]())
	add(entry[Alarm]())
	return m
}
