//! What visitors of a web channel see, as the real reader takes it.

use switchboard_gateway::Switchboard;

use super::*;

/// What is said of a web channel with these settings.
fn told(settings: &str) -> String {
    let text = format!(
        "[[ai]]\nname = 'main'\nkind = 'selarti'\nbase_url = 'https://a.example'\ntoken = '${{SECRET}}'\n\
         webhook_secret = '0123456789abcdef0123456789abcdef'\n\
         [[channel]]\nname = 'site'\nkind = 'web'\nai = 'main'\ntask_id = '1'\n{settings}"
    );
    let switchboard = Switchboard::standard();
    let config = Config::parse("config.toml", &text, &sources(), switchboard.kinds());
    config.map_or_else(|mistakes| mistakes.to_string(), |_| String::new())
}

#[test]
fn everything_can_be_set() {
    let settings = "color = '#FFD400'\nposition = 'left'\ntheme = 'dark'\nsound = true\nlanguage = 'de'\n\
        greeting = 'Hi'\nquestions = ['Where?']\nmax_text = 100\n\
        [channel.texts.de]\nsend = 'Senden'\nquestions = ['Wo?']\n[channel.texts.pt-br]\nsend = 'Enviar'";
    assert_eq!(told(settings), "");
}

#[test]
fn mistakes_are_told_with_their_remedy() {
    let cases = [
        ("color = 'blue'", "channel[0].color: \"blue\" is not a colour; write it as \"#2f5bd8\""),
        ("position = 'top'", "channel[0].position: \"top\" is not known here"),
        ("theme = 'drak'", "did you mean \"dark\"?"),
        ("max_text = 0", "channel[0].max_text: 0 is out of range"),
        ("language = 'de'", "channel[0].language: there are no texts in \"de\"; add [channel.texts.de]"),
        (
            "[channel.texts.de]\nsned = 'Senden'",
            "channel[0].texts.de.sned: unknown key; did you mean \"send\"?",
        ),
        ("[channel.texts]\nde = 'Senden'", "channel[0].texts.de: expected a table, found a string"),
        ("[channel.texts.German]\nsend = 'Senden'", "channel[0].texts.German: is not a language"),
        (
            "questions = ['1', '2', '3', '4', '5', '6', '7', '8', '9']",
            "channel[0].questions: 9 are more than fit",
        ),
    ];
    for (settings, expected) in cases {
        assert!(told(settings).contains(expected), "{settings}: {}", told(settings));
    }
}
