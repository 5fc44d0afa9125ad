//! Several queues in a stream: their file, the way of a patch to its queue, and that the decisions are the sampler's own.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::dynim::{self, Binning, Gate, Kind, Layout, Sampler, Spaces, Within};

/// A patch of so many RAS and RAF, and a factor.
fn send(producer: &mut Producer, id: u64, step: i64, (ras, raf): (i32, i32), factor: Option<f32>) -> Result<Pushed> {
    let protein = |state| Protein { id: 1, state, partner: -1, x_nm: 0.0, y_nm: 0.0 };
    let proteins: Vec<_> = (0..ras + raf).map(|i| protein(if i < ras { 0 } else { 6 })).collect();
    let densities = patch(id);
    producer.push(
        &Meta { id, step, proteins: &proteins, factor, ..NONE },
        &Field::interleaved(Samples::F32(&densities), 5, 5, 14)?,
    )
}

/// Its constellation, which its id decides.
fn constellation(id: u64) -> (i32, i32) {
    [(0, 0), (1, 0), (1, 1), (2, 1)][id as usize % 4]
}

/// Reads a file of these options, for patches as the tests make them.
fn parse(text: &str) -> Result<Config> {
    static FILES: AtomicU64 = AtomicU64::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("patchstream-queues-{}-{number}.toml", std::process::id()));
    std::fs::write(&path, format!("nx = 5\nny = 5\nmodel = \"mean\"\nslots = 8\n{text}")).unwrap();
    let config = Config::from_file(&path);
    std::fs::remove_file(&path).unwrap();
    config
}

fn open(text: &str) -> Result<Stream> {
    Stream::builder().config(parse(text)?).open()
}

const FOUR: &str = r#"
k = 3
seed = 7
spaces = "separate"
[[queues]]
name = "single"
target = 3
capacity = 9
min_random = 2
constellations = ["1:0"]
[[queues]]
name = "complexes"
sampler = "binned"
bins = "1d:dim=0,min=0.45,max=0.55,bins=4"
novelty = 0.75
within = "rank"
constellations = ["1:1", "2:1"]
[[queues]]
name = "rest"
sampler = "random"
target = 0.5
capacity = 6
min_candidates = 3
gate = "each"
factor = 2
constellations = ["*"]
"#;

/// The same, as the sampler has it.
fn four() -> Layout {
    let queue = dynim::QueueConfig::new;
    let bins = "1d:dim=0,min=0.45,max=0.55,bins=4".parse().unwrap();
    let binned = Kind::Binned(Binning { bins, novelty: 0.75, within: Within::Rank });
    let single = dynim::QueueConfig { target: 3.0, capacity: 9, min_random: 2, ..queue("single") };
    let complexes = dynim::QueueConfig { kind: binned, ..queue("complexes") };
    let rest = dynim::QueueConfig {
        kind: Kind::Random,
        target: 0.5,
        capacity: 6,
        min_candidates: 3,
        gate: Gate::Each,
        factor: 2.0,
        ..queue("rest")
    };
    Layout { k: 3, seed: 7, spaces: Spaces::Separate, queues: vec![single, complexes, rest], ..Layout::new(14) }
}

/// Ids, queues and ranks of all picks, and the bytes of all answers.
fn run(builder: Builder) -> (Vec<(u64, usize, u32)>, Vec<u8>) {
    let stream = builder.open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let (mut picks, mut bytes) = (Vec::new(), Vec::new());
    for step in 0..8 {
        for id in (1..=12).map(|i| step as u64 * 12 + i) {
            let factor = id.is_multiple_of(5).then_some(1.5);
            while send(&mut producer, id, step, constellation(id), factor).unwrap() == Pushed::Full {
                stream.poll(Duration::ZERO).unwrap();
            }
        }
        let selections = stream.select(step, 4).unwrap().unwrap();
        picks.extend(selections.batch.selections.iter().map(|s| (s.id, usize::from(s.queue), s.rank.to_bits())));
        bytes.extend_from_slice(selections.bytes());
    }
    for queue in 0..stream.queues().len() {
        bytes.extend_from_slice(stream.weights_of(queue).unwrap().bytes());
    }
    bytes.extend_from_slice(stream.weights().unwrap().bytes());
    (picks, bytes)
}

#[test]
fn stream_with_queues_decides_as_the_sampler_does_inline_and_in_the_background() {
    let config = parse(FOUR).unwrap();
    let (picks, bytes) = run(Stream::builder().config(config.clone()));
    let mut sampler = Sampler::with_layout(four()).unwrap();
    let model = crate::encode::Model::open("mean", crate::patch::Shape::new(5, 5, 14).unwrap()).unwrap();
    let mut expected = Vec::new();
    for step in 0..8 {
        for id in (1..=12).map(|i| step as u64 * 12 + i) {
            let mut point = [0.0; 14];
            let densities = patch(id);
            let view = crate::patch::PatchView { shape: model.shape(), densities: &densities, proteins: &[] };
            model.encode(view, &mut point).unwrap();
            let factor = id.is_multiple_of(5).then_some(1.5);
            sampler.add_to([2, 0, 1, 1][id as usize % 4], id, step, &point, factor).unwrap();
        }
        expected.extend(sampler.select(step, 4).picks.iter().map(|pick| (pick.id, pick.queue, pick.rank.to_bits())));
    }
    assert_eq!(picks, expected);
    assert!((0..3).all(|queue| picks.iter().filter(|pick| pick.1 == queue).count() > 2), "all queues are picked from");
    for _ in 0..5 {
        assert_eq!(run(Stream::builder().config(config.clone()).background(true)).1, bytes);
    }
}

#[test]
fn readme_example_of_queues_is_read() {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("```toml\n").expect("a TOML block");
    let (text, _) = rest.split_once("```").expect("its end");
    let stream = open(text).unwrap();
    let [complexes, rest] = stream.queues() else { panic!("two queues") };
    assert_eq!((complexes.target, &complexes.kind, complexes.capacity), (3.0, &Kind::Importance, 35_000));
    assert_eq!((rest.target, &rest.kind, rest.capacity), (1.0, &Kind::Random, 5000));
}

#[test]
fn one_queue_that_takes_all_decides_as_a_stream_without_queues() {
    let plain = run(builder().capacity(12)).1;
    for text in ["name = \"all\"\ncapacity = 12", "name = \"all\"\ncapacity = 12\nconstellations = [\"*\"]"] {
        let config = parse(&format!("[[queues]]\n{text}")).unwrap();
        assert_eq!(run(Stream::builder().config(config)).1, plain);
    }
}

#[test]
fn queues_fill_three_to_one_and_say_what_they_have() {
    let stream = open(
        "[[queues]]\nname = \"one\"\ntarget = 3\nconstellations = [\"1:0\"]\n\
         [[queues]]\nname = \"two\"\nconstellations = [\"1:1\"]\n",
    )
    .unwrap();
    let names: Vec<_> = stream.queues().iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    let mut producer = stream.producer("ddft").unwrap();
    for id in 1..=20 {
        while send(&mut producer, id, 0, (1, id as i32 % 2), None).unwrap() == Pushed::Full {
            stream.poll(Duration::ZERO).unwrap();
        }
    }
    let selections = stream.select(0, 8).unwrap().unwrap().batch.selections;
    let of = |queue: u16| selections.iter().filter(|selection| selection.queue == queue).count();
    assert_eq!((of(0), of(1)), (6, 2));
    assert!(selections.iter().all(|s| s.queue == s.constellation.raf));
    let counts = [QueueStats { candidates: 4, selected: 6 }, QueueStats { candidates: 8, selected: 2 }];
    assert_eq!(stream.stats().queues, counts);
    for (queue, patches) in [(0, 10.0), (1, 10.0)] {
        let weights = stream.weights_of(queue).unwrap().weights;
        assert_eq!((weights.ids.len() as u64, weights.weights.iter().sum()), (counts[queue].selected, patches));
    }
    assert_eq!(stream.weights_of(2).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(stream.weights().unwrap().weights.weights.iter().sum::<f64>(), 20.0);
}

#[test]
fn patch_that_no_queue_takes_is_left_out_counted_and_logged() {
    for background in [false, true] {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = lines.clone();
        let config = parse("[[queues]]\nname = \"single\"\nconstellations = [\"1:0\"]\n").unwrap();
        let builder = Stream::builder().config(config).background(background);
        let stream = builder.log(move |_, line| heard.lock().push(line.to_string())).open().unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        assert_eq!(send(&mut producer, 1, 0, (2, 0), None).unwrap(), Pushed::Accepted);
        assert_eq!(send(&mut producer, 2, 0, (1, 0), None).unwrap(), Pushed::Accepted);
        assert_eq!(stream.select(0, 5).unwrap().unwrap().batch.selections.len(), 1);
        let stats = stream.stats();
        assert_eq!((stats.rejected.argument, stats.encoded, stats.latency[Stage::Encode as usize].count), (1, 1, 1));
        let lines = lines.lock();
        assert!(lines.len() == 1 && lines[0].contains("patch 1") && lines[0].contains("2:0"), "{lines:?}");
    }
}

#[test]
fn function_routes_by_whatever_it_likes_and_a_number_that_is_no_queue_is_left_out() {
    for background in [false, true] {
        let queue = dynim::QueueConfig::new;
        let by_label = |meta: &Meta<'_>, constellation: crate::patch::Constellation| {
            assert_eq!(usize::from(constellation.ras), meta.proteins.len());
            assert_eq!((meta.center_nm, meta.label), (NONE.center_nm, NONE.label));
            meta.id as usize % 3
        };
        let builder = builder().queue(queue("even"), &[]).queue(queue("odd"), &[]).background(background);
        let stream = builder.route(by_label).open().unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        for id in 1..=6 {
            send(&mut producer, id, 0, (id as i32 % 2, 0), None).unwrap();
        }
        let selections = stream.select(0, 9).unwrap().unwrap().batch.selections;
        assert_eq!(selections.len(), 4);
        assert!(selections.iter().all(|selection| u64::from(selection.queue) == selection.id % 3));
        assert_eq!(stream.stats().rejected.argument, 2, "2 and 5 went to queue 2, of two");
    }
}

#[test]
fn function_that_calls_its_stream_back_is_an_error_and_not_a_deadlock() {
    for background in [false, true] {
        let late: Arc<Mutex<Option<Arc<Stream>>>> = Arc::default();
        let seen = late.clone();
        let route = move |_: &Meta<'_>, _| {
            let stream = seen.lock().clone().unwrap();
            assert_eq!(stream.poll(Duration::ZERO).unwrap_err().kind(), ErrorKind::State);
            assert_eq!(stream.select(0, 1).unwrap_err().kind(), ErrorKind::State);
            assert_eq!(stream.producer("two").map(|_| ()).unwrap_err().kind(), ErrorKind::State);
            assert_eq!(stream.close_within(Duration::ZERO).unwrap_err().kind(), ErrorKind::State);
            assert_eq!(stream.pick(1).unwrap_err().kind(), ErrorKind::State);
            assert_eq!(stream.stats().pushed, 1);
            0
        };
        let stream = Arc::new(builder().background(background).route(route).open().unwrap());
        *late.lock() = Some(stream.clone());
        let mut producer = stream.producer("ddft").unwrap();
        send(&mut producer, 1, 0, (0, 0), None).unwrap();
        assert_eq!(stream.select(0, 1).unwrap().unwrap().batch.selections.len(), 1);
        *late.lock() = None;
    }
}

#[test]
fn factor_of_a_patch_lifts_its_rank_and_is_part_of_what_it_is() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let mut push = |id: u64, density: f32, factor: Option<f32>| {
        let densities = vec![density; 350];
        let field = Field::interleaved(Samples::F32(&densities), 5, 5, 14).unwrap();
        producer.push(&Meta { id, factor, ..NONE }, &field).map_err(|error| error.kind())
    };
    assert_eq!(push(1, 0.0, None), Ok(Pushed::Accepted));
    assert_eq!(push(2, 1.0, Some(4.0)), Ok(Pushed::Accepted));
    assert_eq!(push(3, 3.0, None), Ok(Pushed::Accepted));
    assert_eq!(push(2, 1.0, Some(4.0)), Ok(Pushed::Known));
    assert_eq!(push(2, 1.0, None), Err(ErrorKind::Conflict));
    for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(push(4, 1.0, Some(bad)), Err(ErrorKind::Value));
    }
    let picks = stream.select(0, 3).unwrap().unwrap().batch.selections;
    assert_eq!(picks.iter().map(|pick| pick.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(picks[1].rank, 14.0_f32.sqrt() * 4.0);
}

#[test]
fn queues_that_make_no_sense_are_sentences() {
    let queue = "[[queues]]\nname = \"a\"\n";
    for (text, word) in [
        (format!("{queue}capacty = 5\n"), "capacty"),
        (format!("{queue}capacity = \"many\"\n"), "capacity"),
        ("[[queues]]\ncapacity = 5\n".to_owned(), "name"),
        (format!("{queue}sampler = \"novel\"\n"), "novel"),
        (format!("{queue}sampler = \"binned\"\nnovelty = 0.5\n"), "needs bins and novelty"),
        (format!("{queue}sampler = \"binned\"\nnovelty = 0.5\nbins = \"2d:dim=0\"\n"), "2d"),
        (format!("{queue}novelty = 0.5\n"), "sampler = \"binned\""),
        (format!("{queue}sampler = \"random\"\nwithin = \"random\"\n"), "sampler = \"binned\""),
        (format!("{queue}gate = \"last\"\n"), "last"),
        (format!("spaces = \"apart\"\n{queue}"), "apart"),
        (format!("capacity = 9\n{queue}"), "capacity 9"),
        (format!("{queue}capacity = 0\n"), "capacity 0"),
        (format!("{queue}target = 0\n"), "add up to 0"),
        (format!("{queue}factor = -1\n"), "factor -1"),
        (format!("{queue}min_candidates = 35001\n"), "35001"),
        (format!("{queue}sampler = \"binned\"\nnovelty = 2\nbins = \"1d:dim=0,min=0,max=1,bins=2\"\n"), "novelty 2"),
        (
            format!("{queue}sampler = \"binned\"\nnovelty = 0\nbins = \"1d:dim=14,min=0,max=1,bins=2\"\n"),
            "coordinate 14",
        ),
        (format!("{queue}constellations = [\"1\"]\n"), "\"1\" is no constellation"),
        (format!("{queue}constellations = [\"1:+1\"]\n"), "is no constellation"),
        (format!("{queue}constellations = [\"1:65536\"]\n"), "is no constellation"),
        (format!("{queue}constellations = [\"1:0\"]\n[[queues]]\nname = \"b\"\n"), "nothing goes to queue \"b\""),
        (format!("{queue}constellations = [\"1:0\", \"1:0\"]\n"), "both take 1:0"),
        (
            format!("{queue}constellations = [\"*\"]\n[[queues]]\nname = \"b\"\nconstellations = [\"*\"]\n"),
            "both take \"*\"",
        ),
    ] {
        let error = open(&text).map(|_| ()).expect_err(&text);
        assert!(error.kind() == ErrorKind::Argument || word == "factor -1", "{text}: {error}");
        assert!(error.message().contains(word), "{text}: {error}");
    }
    let many = builder().route(|_, _| 0).queue(dynim::QueueConfig::new("a"), &["*"]).open();
    assert!(many.map(|_| ()).unwrap_err().message().contains("use one of the two"));
}
