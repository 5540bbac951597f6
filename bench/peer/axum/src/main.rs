//! The peer of the benchmarks: the loan offers' model of a model.json behind axum, with the fields as a struct.
//!
//! `axum-server MODEL.json` listens on a free port, in one thread, and says where.

use std::{collections::HashMap, env, fs, fmt::Write, sync::Arc};

use axum::{Json, Router, extract::{DefaultBodyLimit, State}, http::header, response::IntoResponse, routing::post};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Offer {
    requested: Option<f64>,
    loan_purpose: Option<String>,
    credit: Option<String>,
    annual_income: Option<f64>,
    apr: Option<f64>,
    lender_id: Option<i64>,
}

#[derive(Deserialize)]
struct Batch {
    rows: Vec<Offer>,
}

/// The part of a model.json that predicting from raw fields needs.
#[derive(Deserialize)]
struct Artifact {
    #[serde(rename = "userDefinedMetadata")]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    encoder: Encoder,
    coefficients: Vec<f64>,
    intercept: f64,
}

#[derive(Deserialize)]
struct Encoder {
    features: Vec<Feature>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Feature {
    #[serde(rename_all = "camelCase")]
    Numeric { name: String, transform: String, impute: f64, mean: f64, scale: f64, column: usize, missing_indicator: bool },
    Categorical { name: String, levels: Vec<String>, column: usize },
}

#[derive(Default)]
struct Number {
    is_log: bool,
    mean: f64,
    scale: f64,
    coefficient: f64,
    of_missing: f64,
}

impl Number {
    fn term(&self, value: Option<f64>) -> f64 {
        value.map_or(self.of_missing, |x| (self.transformed(x) - self.mean) / self.scale * self.coefficient)
    }

    fn transformed(&self, x: f64) -> f64 {
        if self.is_log { x.abs().ln_1p().copysign(x) } else { x }
    }
}

#[derive(Default)]
struct Category {
    of_level: HashMap<String, f64>,
    of_number: HashMap<i64, f64>,
    of_missing: f64,
    of_unseen: f64,
}

impl Category {
    fn of_text(&self, value: Option<&str>) -> f64 {
        value.map_or(self.of_missing, |level| self.of_level.get(level).copied().unwrap_or(self.of_unseen))
    }

    fn of_int(&self, value: Option<i64>) -> f64 {
        value.map_or(self.of_missing, |level| self.of_number.get(&level).copied().unwrap_or(self.of_unseen))
    }
}

#[derive(Default)]
struct Model {
    intercept: f64,
    requested: Number,
    annual_income: Number,
    apr: Number,
    loan_purpose: Category,
    credit: Category,
    lender_id: Category,
}

impl Model {
    fn read(path: &str) -> Model {
        let text = fs::read_to_string(path).expect("a model.json");
        let Artifact { metadata } = serde_json::from_str(&text).expect("a model.json of clickwell's");
        let coefficients = &metadata.coefficients;
        let mut model = Model { intercept: metadata.intercept, ..Model::default() };
        for feature in metadata.encoder.features {
            match feature {
                Feature::Numeric { name, transform, impute, mean, scale, column, missing_indicator } => {
                    let mut number =
                        Number { is_log: transform == "log1p", mean, scale, coefficient: coefficients[column], of_missing: 0.0 };
                    number.of_missing = number.term(Some(impute))
                        + if missing_indicator { coefficients[column + 1] } else { 0.0 };
                    match name.as_str() {
                        "requested" => model.requested = number,
                        "annual_income" => model.annual_income = number,
                        "apr" => model.apr = number,
                        _ => panic!("the server has no field {name}"),
                    }
                }
                Feature::Categorical { name, levels, column } => {
                    let mut category = Category {
                        of_missing: coefficients[column + levels.len()],
                        of_unseen: coefficients[column + levels.len() + 1],
                        ..Category::default()
                    };
                    for (i, level) in levels.into_iter().enumerate() {
                        if let Ok(number) = level.parse() {
                            category.of_number.insert(number, coefficients[column + i]);
                        }
                        category.of_level.insert(level, coefficients[column + i]);
                    }
                    match name.as_str() {
                        "loan_purpose" => model.loan_purpose = category,
                        "credit" => model.credit = category,
                        "lender_id" => model.lender_id = category,
                        _ => panic!("the server has no field {name}"),
                    }
                }
            }
        }
        model
    }

    fn probability(&self, offer: &Offer) -> f64 {
        let logit = self.intercept
            + self.requested.term(offer.requested)
            + self.annual_income.term(offer.annual_income)
            + self.apr.term(offer.apr)
            + self.loan_purpose.of_text(offer.loan_purpose.as_deref())
            + self.credit.of_text(offer.credit.as_deref())
            + self.lender_id.of_int(offer.lender_id);
        1.0 / (1.0 + (-logit).exp())
    }
}

async fn predict(State(model): State<Arc<Model>>, Json(offer): Json<Offer>) -> impl IntoResponse {
    let probability = model.probability(&offer);
    json(format!(r#"{{"probability":{probability},"model_id":"axum","version":1}}"#))
}

async fn predict_batch(State(model): State<Arc<Model>>, Json(batch): Json<Batch>) -> impl IntoResponse {
    let mut text = String::from(r#"{"rows":["#);
    for (i, offer) in batch.rows.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        write!(text, r#"{comma}{{"probability":{}}}"#, model.probability(offer)).expect("memory");
    }
    text.push_str(r#"],"model_id":"axum","version":1}"#);
    json(text)
}

fn json(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

fn main() {
    let model = Arc::new(Model::read(&env::args().nth(1).expect("axum-server MODEL.json")));
    let app = Router::new()
        .route("/predict", post(predict))
        .route("/predict/batch", post(predict_batch))
        .layer(DefaultBodyLimit::max(8 << 20))
        .with_state(model);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{{\"listening\":\"http://{}\"}}", listener.local_addr().expect("an address"));
        axum::serve(listener, app).await.expect("to serve");
    });
}
